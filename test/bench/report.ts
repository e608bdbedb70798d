/** One part of the benchmarks. */
export interface Section {
  readonly name: string
  /** Measures, and answers with Markdown. */
  run(): Promise<string>
}

/** The page of a full run. Every figure on it comes from that run. */
export function report(machine: string, texts: ReadonlyMap<string, string>): string {
  const text = (name: string): string => {
    const found = texts.get(name)
    if (found === undefined) throw new TypeError(`the run had no ${name}`)
    return found
  }
  return `# Benchmarks

Written by \`npm run bench -- --write\`, from one run; no figure here was typed. Take your own: \`npm ci && npm run bench\`, or a shorter run
with \`npm run bench -- --quick\`, a part with \`--only express\`, what each part of the guard costs with \`--breakdown\`, and where the time goes
with \`--profile\`.

Taken on: ${machine}.

## Requests over keep-alive mTLS

Server CPU (user and system time of the server's process, all threads) for each request: HTTP/1.1 over TLS 1.3, eight connections that stay
open, a client certificate (P-256) and an RS256 token (2048 bits) with each request, a quota by verified identity that nobody reaches. The
handler answers \`GET /invoices\` with a small JSON. Server and caller are processes of their own; every server gets the same bytes.

*Rounds are paired*: each sends the same number of requests to every server in random order, and "added" and "× bare" are medians of the
differences and quotients within a round, with a 95 % interval from a bootstrap over the rounds. The servers are started anew several times, since how a
process happens to be compiled stays with it for life. So a machine that is busier for a while
shifts both sides. µs from two tables, or from two runs, cannot be compared; quotients and differences of one table can.

*Countersign* has everything on: certificate judged again on every request, token bound to it, quota, rules for caller, method and path,
audit of refusals. The *peers* are set up the cheapest way they can be (issuer's key parsed before the first request) unless a line says
otherwise; what they do not do is not added: they know no binding, no revocation, and read the certificate's subject alone.

${text('express')}

${text('koa')}

${text('fastify')}

${text('node:http')}

## Decisions without a network

Wall time of \`guard.decide\`, from request to decision, in one process; each request has header strings of its own as from a real parser.
Batches of all cases take turns in random order; ratios are medians over the batches of one turn, with their 95 % interval. "Signature
checks" counts every one that this process made for tokens and certificates. Targets: a warm decision in at most 3 µs, a malformed token refused for no more
than that, a wrong signature for at most 1.1 × a right one, and no cryptography for a peer over its failure budget.

${text('in-process')}

## Certificate chains

CPU time of one process, all its threads, for a chain of leaf, intermediate and root. The chains have nothing in common, keys neither; batches
of all cases take turns in random order, and ratios are medians over the batches of one turn, with their 95 % interval. *All from DER* begins with the
bytes of the three certificates: reading, both keys, both signatures, every check of the path. It is set beside two bare \`crypto.verify\`, which
is all that the signatures take, three times over: a key has to be made from the bytes of a certificate before anything is verified with it, and on Node 20 that
takes longer than the signature. The peers check less: @peculiar/x509 neither dates nor constraints, pkijs neither purpose nor path length.
Targets: at most 1.5 × the bare calls, and at most 1 µs for a leaf that was judged before on the same connection.

A CRL is held after a full garbage collection; its DER is in what is held. Neither peer keeps an index.

${text('x509')}

## Tokens

CPU time of one process, all its threads, for a token that was not seen before, 50 of them in turn; all get the same tokens, and rounds are paired
as above. *Bare* is the one-shot \`crypto.verify\` over bytes that are cut out and decoded already. jose and fast-jwt check issuer, audience and times
as Countersign does, jose the type too; neither checks what a \`sub\` may be, a binding, duplicate members or canonical base64url, nor keeps the
token for the next request. Target: at most 1.5 × the bare call.

A token that was verified before takes wall time; each look-up has a string of its own. Target: at most 1.5 µs.

${text('token')}

A token that is made: the claims of RFC 9068 with scopes and the thumbprint of a certificate, 40 of them at once, each with an id of its own; all sign
with the same key. *Bare* is \`crypto.sign\` over bytes that are at hand. The thread pool takes the signature off the event loop, and costs a hop.

${text('issue')}

## Revocations

Memory is held after a full garbage collection. Look-ups have strings of their own, never hashed before. A warm decision asks the list twice, about the certificate
and about the token: beside its age, only once it has changed. Decisions with it and without take turns in random order, and what it adds is the median of the differences.

${text('revocations')}

## A token endpoint

Server CPU for each token, as above: client credentials by \`tls_client_auth\`, an RS256 access token (2048 bits) bound to the client certificate, over
eight connections that stay open. *Bare* checks nothing and makes one signature. *Countersign* keeps a record and an event of each token, which oidc-provider does
not, judges certificate and revocations again on each request, and writes each token to the audit log.

${text('oauth')}

## Memory

Held after a full garbage collection: heap and external memory with array buffers. A flood is bounded if its second half adds nothing to speak of.

${text('floods')}

What an open connection keeps, one request answered on each:

${text('connections')}
`
}
