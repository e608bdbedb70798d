import { readFileSync } from 'node:fs'
import { MisuseError } from '@countersign/core'
import { DEV_HELP, runDev } from './dev.js'
import { INSPECT_HELP, runInspect } from './inspect.js'
import { KEY_HELP, runKey } from './key.js'
import { CommandError, printable, type Terminal, UsageError } from './terminal.js'
import { runToken, TOKEN_HELP } from './token.js'

/** 0: done · 1: it could not be done · 2: the command was called wrongly. */
export type ExitCode = 0 | 1 | 2

interface Command {
  readonly help: string
  run(args: readonly string[], terminal: Terminal): void | Promise<void>
}

const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ['dev', { help: DEV_HELP, run: runDev }],
  ['inspect', { help: INSPECT_HELP, run: runInspect }],
  ['key', { help: KEY_HELP, run: runKey }],
  ['token', { help: TOKEN_HELP, run: runToken }],
])

const HELP = `countersign COMMAND [options]

  dev        makes a development authority and certificates for services
  inspect    shows what a certificate, CRL, token or key set says
  key        makes and rotates API keys
  token      signs a development token

  countersign COMMAND --help    its options
  countersign --version

Exit codes: 0 done, 1 it could not be done, 2 wrong options.
`

/**
 * Runs one command line. Never throws: what goes wrong is said on standard error, in one line.
 * @param args without the program's own name.
 */
export async function run(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const [name = '', ...rest] = args
  const label = COMMANDS.has(name) ? `countersign ${name}` : 'countersign'
  try {
    await dispatch(name, rest, terminal)
    return 0
  } catch (error) {
    const usage = error instanceof UsageError
    terminal.complain(`${label}: ${messageOf(error)}\n${usage ? `Try ${label} --help\n` : ''}`)
    return usage ? 2 : 1
  }
}

async function dispatch(name: string, rest: readonly string[], terminal: Terminal): Promise<void> {
  if (name === '--version' || name === '-v') return terminal.write(`${readVersion()}\n`)
  if (name === '--help' || name === '-h' || name === 'help') return terminal.write(COMMANDS.get(rest[0] ?? '')?.help ?? HELP)
  const command = COMMANDS.get(name)
  if (command === undefined)
    throw new UsageError(name === '' ? 'which command? dev, inspect, key or token' : `there is no command '${printable(name)}'`)
  if (rest.includes('--help') || rest.includes('-h')) return terminal.write(command.help)
  await command.run(rest, terminal)
}

function messageOf(error: unknown): string {
  if (error instanceof UsageError || error instanceof CommandError || error instanceof MisuseError) return error.message
  // The text of the file system names the path; of anything else only its kind is sure to hold no secret.
  if (error instanceof Error && 'syscall' in error) return printable(error.message)
  return `failed unexpectedly (${error instanceof Error ? printable(error.name) : typeof error})`
}

function readVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  return String(version)
}
