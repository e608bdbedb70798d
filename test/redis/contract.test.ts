import { contractOf } from '../state/contract.js'
import { CLIENT_KINDS, newName, serverForFile, storeOn } from './stores.js'

const server = await serverForFile()

for (const kind of CLIENT_KINDS) {
  contractOf(`on Redis with ${kind}`, async () => {
    const name = newName()
    const store = storeOn(server, { kind, name })
    const opened = [store]
    return {
      store,
      async another() {
        const other = storeOn(server, { kind, name })
        opened.push(other)
        await other.ready()
        return other
      },
      nowMs: () => Date.now(),
      pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      async release() {
        for (const one of opened) await one.close()
      },
    }
  })
}
