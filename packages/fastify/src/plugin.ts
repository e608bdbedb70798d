import type { Decision, Principal } from '@countersign/core'
import { type Guard, type GuardOptions, toGuard } from '@countersign/guard'
import { decideRequest, denialHeaders } from '@countersign/node'
import type { FastifyInstance, FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'

/** Options of a guard, which is then closed with the app, or a finished guard, which is not. */
export type CountersignOptions = GuardOptions | { readonly guard: Guard }

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by Countersign; `null` where no guard stood in front. */
    principal: Principal | null
  }
}

/**
 * The one line: `await app.register(countersign, { mtls: { trust: 'ca.pem' }, jwt: null, authorize: ['spiffe://prod.example/orders'] })`.
 * Register it first: it decides in the `onRequest` hook, before any body is parsed, for every route of the instance it is registered
 * on and of those below it, for routes that do not exist, and for those registered before it. Hooks that were added to `onRequest`
 * earlier run earlier.
 * @throws {MisuseError} naming the option that is missing, unknown or contradictory.
 */
export const countersign: FastifyPluginCallback<CountersignOptions> = fastifyPlugin(guardInstance, {
  name: '@countersign/fastify',
  fastify: '5.x',
})

function guardInstance(app: FastifyInstance, options: CountersignOptions, done: () => void): void {
  const guard = 'guard' in options ? options.guard : toGuard(options)
  if (!app.hasRequestDecorator('principal')) app.decorateRequest('principal', null)
  if (!('guard' in options)) app.addHook('onClose', () => guard.close())

  app.addHook('onRequest', (request, reply, next) => {
    const decision = decideRequest(guard, request.raw, request.originalUrl)
    if (decision instanceof Promise) decision.then((cold) => carryOut(guard, cold, request, reply, next))
    else carryOut(guard, decision, request, reply, next)
  })

  if (guard.asyncContext) {
    // Events of the request's own stream do not carry the context in which it was listened to, so it is lost in parsing the body.
    app.addHook('preValidation', (request, _reply, next) => {
      const grant = guard.attached(request.raw)
      if (grant === undefined) next()
      else guard.run(grant, next)
    })
  }
  done()
}

function carryOut(guard: Guard, decision: Decision, request: FastifyRequest, reply: FastifyReply, next: () => void): void {
  if (decision.allowed) {
    guard.attach(request.raw, decision)
    request.principal = decision.principal
    reply.headers(decision.headers)
    guard.run(decision, next)
    return
  }
  // As bytes: to text of any JSON type Fastify adds a charset parameter, which JSON does not have (RFC 8259 §11).
  reply
    .code(decision.status)
    .headers(denialHeaders(guard, decision, request.raw))
    .send(Buffer.from(decision.body))
}
