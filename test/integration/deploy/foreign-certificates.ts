/** Certificates of an authority that has nothing to do with a cluster's own. */
import { createAuthority, issueCertificate } from '../../../shared/auth/certificate-authority.ts';

export interface ForeignCertificates {
  /** PEM texts. */
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

/** Of a server that is reached at the addresses `addresses`, and by `names`. */
export async function makeForeignCertificates(
  addresses: readonly string[],
  names: readonly string[] = [],
): Promise<ForeignCertificates> {
  const hourMs = 3_600_000;
  const validity = {
    notBefore: new Date(Date.now() - hourMs),
    notAfter: new Date(Date.now() + 24 * hourMs),
  };
  const clusterId = 'somebody-else';
  const authority = await createAuthority(clusterId, validity);
  const own = await issueCertificate(authority, {
    ...{ clusterId, region: 'server', use: 'region', hosts: names, addresses },
    ...validity,
  });
  return { authority: authority.certificate, ...own };
}
