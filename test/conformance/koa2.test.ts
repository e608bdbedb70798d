import { runCells } from './run-cells.js'

runCells('koa2')
