import { createHash } from 'node:crypto'
import type { CertificateKind } from './certificates.js'
import type { Field } from './raw-http1.js'
import type { World } from './world.js'

export type ForwardedKind = keyof ReturnType<typeof fieldsByKind>

/** What a proxy in front of the service wrote, or somebody who would like to be one. */
export function forwardedFields(kind: ForwardedKind, world: World): readonly Field[] {
  return fieldsByKind(world)[kind]()
}

const CERT = 'X-SSL-Client-Cert'
const VERIFY = 'X-SSL-Client-Verify'
const XFCC = 'X-Forwarded-Client-Cert'

function fieldsByKind({ certificates }: World) {
  const escaped = (kind: CertificateKind): string => encodeURIComponent(pemOf(kind))
  const pemOf = (kind: CertificateKind): string => certificates.of(kind).chainPem.split(/(?<=-----END CERTIFICATE-----\n)/)[0] ?? ''
  const hashOf = (kind: CertificateKind): string => createHash('sha256').update(certificates.of(kind).certificateDer).digest('hex')
  const nginx = (kind: CertificateKind): Field[] => [
    [CERT, escaped(kind)],
    [VERIFY, 'SUCCESS'],
  ]
  const element = (kind: CertificateKind, hash = hashOf(kind)): string => `Hash=${hash};Cert="${escaped(kind)}"`
  return {
    'nginx orders': () => nginx('orders'),
    'nginx stranger': () => nginx('stranger'),
    'nginx expired': () => nginx('expired'),
    'nginx unknown CA': () => nginx('unknown-ca'),
    'nginx none': (): Field[] => [
      [CERT, ''],
      [VERIFY, 'NONE'],
    ],
    'nginx failed': (): Field[] => [
      [CERT, escaped('orders')],
      [VERIFY, 'FAILED:unable to verify the first certificate'],
    ],
    'nginx rubbish': (): Field[] => [
      [CERT, 'SECRET-rubbish'],
      [VERIFY, 'SUCCESS'],
    ],
    'nginx twice': (): Field[] => [...nginx('orders'), [CERT, escaped('shipping')]],
    'nginx in another spelling': (): Field[] => [...nginx('orders'), ['X_SSL_Client_Cert', escaped('shipping')]],
    'nginx and XFCC of the client': (): Field[] => [...nginx('orders'), [XFCC, element('shipping')]],
    'XFCC of two hops': (): Field[] => [[XFCC, `${element('stranger')},${element('orders')},${element('shipping')}`]],
    'XFCC of one hop': (): Field[] => [[XFCC, element('orders')]],
    'XFCC with the hash of another': (): Field[] => [[XFCC, `${element('orders', hashOf('shipping'))},${element('shipping')}`]],
    'XFCC without a certificate': (): Field[] => [
      [XFCC, `Hash=${hashOf('orders')};URI=spiffe://prod.example/orders,${element('shipping')}`],
    ],
    'too many certificates': (): Field[] => [
      ['Client-Cert', `:${Buffer.from(certificates.of('orders').certificateDer).toString('base64')}:`],
      ['Client-Cert-Chain', Array.from({ length: 200 }, () => ':MAA=:').join(', ')],
    ],
    'Linkerd identity': (): Field[] => [['l5d-client-id', 'orders.shop.serviceaccount.identity.linkerd.cluster.local']],
  }
}
