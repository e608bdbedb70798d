import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Connection } from '@countersign/core'

/**
 * Who may connect to a Unix socket, by the rights on its path: write on the socket itself, and search on its folder (unix(7), "Pathname
 * socket ownership and permissions"). A process's credentials cannot be asked for in Node.
 */
export function socketAccessOf(path: string): ReturnType<Connection['socketAccess']> {
  // An abstract socket has no rights.
  if (path === '' || path.startsWith('\0')) return 'anyone'
  try {
    const socket = statSync(path).mode
    const folder = statSync(dirname(path)).mode
    if ((socket & 0o002) !== 0 && (folder & 0o001) !== 0) return 'anyone'
    return (socket & 0o020) !== 0 && (folder & 0o010) !== 0 ? 'group' : 'owner'
  } catch {
    return null
  }
}
