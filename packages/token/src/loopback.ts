/** Does the URL lead to this machine? Only there may it be plain `http`: nobody is in between. */
export function isLoopback({ hostname }: URL): boolean {
  // A URL writes an IPv4 address in its one form, so a name cannot look like one.
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d+){3}$/.test(hostname)
}
