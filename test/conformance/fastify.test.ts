import { runCells } from './run-cells.js'

runCells('fastify')
