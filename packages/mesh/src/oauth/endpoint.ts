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
  | { readonly answer: OAuthAnswer; readonly rejection: null; readonly event: EndpointEvent | null }
  | { readonly rejection: Rejection; readonly headers: Headers; readonly clientId: string | null }

/** What is written down of an answer. */
export interface EndpointEvent {
  readonly kind: 'token.issued' | 'evidence.revoked'
  readonly message: string
  readonly facts: Facts
}

export type Endpoint = (request: EndpointRequest) => Promise<EndpointResult>

const NO_HEADERS: Headers = Object.freeze({})

/** @param clientId of a client that is registered: never what a request says. */
export function rejected(rejection: Rejection, clientId: string | null = null, headers: Headers = NO_HEADERS): EndpointResult {
  return { rejection, headers, clientId }
}

export function answered(answer: OAuthAnswer, event: EndpointEvent | null = null): EndpointResult {
  return { answer, rejection: null, event }
}
