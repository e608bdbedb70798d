import type { Mesh } from './mesh.js'
import type { Outcome, Step } from './scenario.js'

/** Writes the demo for people: colour on a terminal, plain text elsewhere. */
export interface Printer {
  mesh(mesh: Mesh): void
  outcome(step: Step, outcome: Outcome): void
  end(surprises: number, steps: number): void
  serving(mesh: Mesh, folder: string, token: string): void
}

export function createPrinter(write: (line: string) => void, colour: boolean): Printer {
  const paint = (code: number) => (text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text)
  const [bold, dim, red, green, cyan] = [paint(1), paint(2), paint(31), paint(32), paint(36)]

  return {
    mesh({ services }) {
      write('')
      write(bold('Three services, one trust domain, certificates made just now'))
      for (const { name, framework, port, enforces } of services) {
        write(`  ${cyan(name.padEnd(8))} ${framework.padEnd(8)} ${dim(`https://localhost:${port}`)}`)
        for (const clause of enforces.split(' · ')) write(`  ${''.padEnd(8)} ${dim('·')} ${clause}`)
      }
      write('')
      write(bold('What is asked, and what is answered'))
    },
    outcome(step, outcome) {
      const allowed = outcome.status === 200
      const mark = allowed ? green('✓') : red('✗')
      const why = allowed ? dim(outcome.body) : `${red(outcome.code ?? '')} ${dim(outcome.title ?? '')}${retryOf(outcome)}`
      write(
        `  ${mark} ${allowed ? green(String(outcome.status)) : red(String(outcome.status))}  ${step.says.padEnd(38)} ${dim(`${step.service} ${step.method} ${step.path}`)}`,
      )
      write(`           ${why}`)
    },
    end(surprises, steps) {
      write('')
      write(
        surprises === 0
          ? green(`${steps} of ${steps} answers were as they had to be.`)
          : red(`${surprises} of ${steps} answers were not as they had to be.`),
      )
    },
    serving({ services }, folder, token) {
      const port = (name: string) => services.find((service) => service.name === name)?.port
      const certificate = `--cacert ${folder}/ca.pem --cert ${folder}/orders.pem --key ${folder}/orders-key.pem`
      write('')
      write(bold('Serving. Try these, and end with Ctrl+C:'))
      write(`  curl ${certificate} https://localhost:${port('billing')}/invoices`)
      write(`  curl --cacert ${folder}/ca.pem https://localhost:${port('billing')}/invoices`)
      write(`  curl -i ${certificate} https://localhost:${port('stock')}/items`)
      write(`  curl ${certificate} -X POST -H 'Authorization: Bearer ${token}' https://localhost:${port('ledger')}/entries`)
    },
  }
}

function retryOf({ headers }: Outcome): string {
  return headers['retry-after'] === undefined ? '' : ` (Retry-After: ${headers['retry-after']})`
}
