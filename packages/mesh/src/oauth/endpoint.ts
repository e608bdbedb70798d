import type { Facts, Headers, Inbound } from '@countersign/core'
import type { OAuthAnswer } from './answer.js'
import type { Form } from './form.js'
import type { Rejection } from './rejection.js'

/** A request to an endpoint that takes a form. */
export interface EndpointRequest {
  readonly inbound: Inbound
  readonly form: Form
}

/** What became of it: an answer and what is written down, or a rejection and what goes with it. */
export type EndpointResult =
  | { readonly answer: OAuthAnswer; readonly rejection: null; readonly outcome: EndpointOutcome | null }
  | { readonly rejection: Rejection; readonly headers: Headers; readonly clientId: string | null }

/** What is written down of an answer: a service got a token, or a client revoked some. */
export type EndpointOutcome =
  | { readonly kind: 'issued'; readonly service: string; readonly facts: Facts & { readonly tokenId: string } }
  | { readonly kind: 'revoked'; readonly facts: Facts }

export type Endpoint = (request: EndpointRequest) => Promise<EndpointResult>

const NO_HEADERS: Headers = Object.freeze({})

/** @param clientId of a client that is registered: never what a request says. */
export function rejected(rejection: Rejection, clientId: string | null = null, headers: Headers = NO_HEADERS): EndpointResult {
  return { rejection, headers, clientId }
}

export function answered(answer: OAuthAnswer, outcome: EndpointOutcome | null = null): EndpointResult {
  return { answer, rejection: null, outcome }
}
