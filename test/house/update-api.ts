import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { apiReports } from './api-report.js'
import { ROOT } from './root.js'
import { readPackages } from './source-tree.js'

const folder = join(ROOT, 'test/api')
mkdirSync(folder, { recursive: true })
const reports = apiReports(
  ROOT,
  readPackages().map(({ name }) => name),
)
for (const file of readdirSync(folder)) if (!reports.some(({ name }) => file === `${name}.api.md`)) rmSync(join(folder, file))
for (const { name, text } of reports) writeFileSync(join(folder, `${name}.api.md`), text)
console.log(`test/api: ${reports.length} packages`)
