/**
 * The private certificate authority of a cluster and the certificates that it issues to regions
 * (RFC 5280, ECDSA P-256). Who a certificate is for stands in it twice: as subject, which Kafka
 * reads, and as URI `meridian://<cluster id>/<use>/<region>`, which Meridian itself reads.
 * Operators of the admin API have some too: `meridian://<cluster id>/operator/<role>/<name>`.
 */
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
  type JsonGeneralNames,
} from '@peculiar/x509';
import {
  certificateUri,
  operatorUri,
  type CertificateUse,
  type OperatorHolder,
} from '../core/certificate/link-certificate.ts';

/** PEM texts; the key is PKCS#8, without a passphrase. */
export interface IssuedCertificate {
  readonly certificate: string;
  readonly key: string;
}

export interface CertificateRequest {
  readonly clusterId: string;
  readonly region: string;
  readonly use: CertificateUse;
  /** Names and addresses under which the region is dialled. */
  readonly hosts: readonly string[];
  readonly addresses: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** A new authority, which signs itself. */
export async function createAuthority(
  clusterId: string,
  validity: { readonly notBefore: Date; readonly notAfter: Date },
): Promise<IssuedCertificate> {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: newSerial(),
      name: `CN=Meridian ${clusterId}`,
      ...validity,
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return { certificate: `${certificate.toString('pem')}\n`, key: await keyText(keys.privateKey) };
}

/** A certificate with a new key, for both ends of a link. Throws when `authority` is malformed. */
export function issueCertificate(
  authority: IssuedCertificate,
  request: CertificateRequest,
): Promise<IssuedCertificate> {
  const { notBefore, notAfter } = request;
  return issue(authority, {
    subject: `CN=${request.region}, OU=${request.use}`,
    ...{ notBefore, notAfter },
    purposes: [ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth],
    names: [
      { type: 'url', value: certificateUri(request) },
      ...request.hosts.map((value) => ({ type: 'dns', value }) as const),
      ...request.addresses.map((value) => ({ type: 'ip', value }) as const),
    ],
  });
}

/** A certificate for clients of the admin API: nobody can serve with it. */
export function issueOperatorCertificate(
  authority: IssuedCertificate,
  request: OperatorHolder & { readonly notBefore: Date; readonly notAfter: Date },
): Promise<IssuedCertificate> {
  const { notBefore, notAfter } = request;
  return issue(authority, {
    subject: `CN=${request.name}, OU=operator`,
    ...{ notBefore, notAfter },
    purposes: [ExtendedKeyUsage.clientAuth],
    names: [{ type: 'url', value: operatorUri(request) }],
  });
}

interface Issue {
  readonly subject: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly purposes: ExtendedKeyUsage[];
  readonly names: JsonGeneralNames;
}

async function issue(authority: IssuedCertificate, wanted: Issue): Promise<IssuedCertificate> {
  const issuer = new X509Certificate(authority.certificate);
  const signingKey = await webcrypto.subtle.importKey(
    'pkcs8',
    PemConverter.decodeFirst(authority.key),
    algorithm,
    false,
    ['sign'],
  );
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.create(
    {
      serialNumber: newSerial(),
      subject: wanted.subject,
      issuer: issuer.subject,
      notBefore: wanted.notBefore,
      notAfter: wanted.notAfter,
      signingAlgorithm: algorithm,
      publicKey: keys.publicKey,
      signingKey,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension(wanted.purposes),
        new SubjectAlternativeNameExtension(wanted.names),
      ],
    },
    webcrypto,
  );
  return { certificate: `${certificate.toString('pem')}\n`, key: await keyText(keys.privateKey) };
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  const made = webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  return made;
}

async function keyText(key: webcrypto.CryptoKey): Promise<string> {
  const bytes = await webcrypto.subtle.exportKey('pkcs8', key);
  return `${PemConverter.encode(bytes, 'PRIVATE KEY')}\n`;
}

/** 128 random bits, positive (RFC 5280, section 4.1.2.2). */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}
