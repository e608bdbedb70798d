// Loaded into every test process: nothing leaves this machine, so no test can depend on data that is fetched while it runs.
import dns from 'node:dns'
import { syncBuiltinESMExports } from 'node:module'
import net from 'node:net'

const LOOPBACK = /^(?:localhost\.?|(?:.+\.)?localhost|127(?:\.\d{1,3}){3}|::1|::ffff:127(?:\.\d{1,3}){3}|0\.0\.0\.0|::)$/i

function refused(host) {
  return Object.assign(new Error(`tests stay on the loopback interface: ${host}`), { code: 'ERR_TEST_LEFT_LOOPBACK' })
}

const connect = net.Socket.prototype.connect
net.Socket.prototype.connect = function (...args) {
  const first = Array.isArray(args[0]) ? args[0][0] : args[0]
  const host =
    typeof first === 'object' && first !== null
      ? first.path === undefined
        ? first.host
        : undefined
      : typeof args[1] === 'string'
        ? args[1]
        : undefined
  // Names go to `lookup`, a test's own or the one below.
  if (typeof host === 'string' && net.isIP(host) !== 0 && !LOOPBACK.test(host)) throw refused(host)
  return connect.apply(this, args)
}

const lookup = dns.lookup
dns.lookup = (name, ...rest) => {
  if (name === null || name === '' || net.isIP(String(name)) !== 0 || LOOPBACK.test(String(name))) return lookup(name, ...rest)
  const callback = rest[rest.length - 1]
  process.nextTick(callback, refused(name))
}
syncBuiltinESMExports()
