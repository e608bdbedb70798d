import { runCells } from './run-cells.js'

runCells('express4')
