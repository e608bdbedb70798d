import type { Stack } from './stack.js'

/** Each is loaded where it is asked for: a server holds no other framework than its own. */
export const STACKS = {
  express: async (...given) => (await import('./express.js')).expressStack(...given),
  koa: async (...given) => (await import('./koa.js')).koaStack(...given),
  fastify: async (...given) => (await import('./fastify.js')).fastifyStack(...given),
  'node:http': async (...given) => (await import('./node-http.js')).nodeHttpStack(...given),
} as const satisfies Record<string, Stack>

export type StackName = keyof typeof STACKS

export const STACK_NAMES = Object.keys(STACKS) as StackName[]
