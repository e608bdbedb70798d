import type { ServiceEntry } from '@countersign/mesh'

export const ORDERS = 'spiffe://demo.example/orders'
export const BILLING = 'spiffe://demo.example/billing'
export const LEDGER = 'spiffe://demo.example/ledger'
/** No service: whoever may revoke. */
export const OPERATOR = 'spiffe://demo.example/operator'

/** Who there is, and who may call whom. */
export const SERVICES: Readonly<Record<string, ServiceEntry>> = {
  [ORDERS]: { mayCall: [BILLING, LEDGER] },
  [BILLING]: { mayCall: [LEDGER] },
  [LEDGER]: { mayCall: [] },
}

export type PartName = 'authority' | 'billing' | 'ledger'

/** Where a part of the demo runs, and where it finds the others. */
export interface Site {
  /** Holds the certificates and, for a shared store, the secret of the mesh. */
  readonly folder: string
  /** URL of the shared store. `null`: everything runs in this process. */
  readonly redis: string | null
  readonly ports: Readonly<Partial<Record<PartName, number>>>
}

export interface Running {
  readonly port: number
  close(): Promise<void>
}

/** `spiffe://demo.example/orders` → `orders` */
export function nameOf(id: string): string {
  return id.slice(id.lastIndexOf('/') + 1)
}
