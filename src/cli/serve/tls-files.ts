/**
 * @file Key and certificate for HTTPS, checked before the server starts, because a mismatched pair fails at each handshake.
 */
import type { KeyObject, X509Certificate } from 'node:crypto';
import { readTextFile, requireSettings } from '../input/read-file.ts';
import { log } from '../log.ts';
import type { OptionValues } from '../options/option-table.ts';
import { UsageError } from '../usage-error.ts';

/**
 * Key and certificate in PEM, `undefined` for HTTP.
 * @throws UsageError that names option and file if one is missing, unreadable or not PEM, or the two do not match or are too weak
 */
export async function readTls({
  sslKeyFile,
  sslCertFile,
}: OptionValues): Promise<{ key: string; cert: string } | undefined> {
  if (sslKeyFile === undefined && sslCertFile === undefined) return undefined;
  if (sslKeyFile === undefined || sslCertFile === undefined) {
    throw new UsageError('--ssl-key-file and --ssl-cert-file must be given together');
  }
  const key = await readTextFile('--ssl-key-file', sslKeyFile);
  const cert = await readTextFile('--ssl-cert-file', sslCertFile);
  const privateKey = parseKey(key, `--ssl-key-file ${sslKeyFile}`);
  const chain = parseChain(cert, `--ssl-cert-file ${sslCertFile}`);
  const own = chain.findIndex((certificate) => certificate.checkPrivateKey(privateKey));
  if (own !== 0) {
    const advice = own < 0 ? '' : `: its certificate is number ${own + 1} there, and must be the first`;
    throw new UsageError(`--ssl-key-file ${sslKeyFile} is not the key of --ssl-cert-file ${sslCertFile}${advice}`);
  }
  try {
    process.getBuiltinModule('node:tls').createSecureContext({ key, cert });
  } catch (error) {
    throw new UsageError(
      `--ssl-key-file ${sslKeyFile} and --ssl-cert-file ${sslCertFile} cannot be used (${(error as Error).message})`,
    );
  }
  for (const [i, certificate] of chain.entries()) {
    logIfInvalid(certificate, `certificate ${i + 1} of --ssl-cert-file ${sslCertFile}`);
  }
  return { key, cert };
}

function parseKey(pem: string, where: string): KeyObject {
  requireSettings(where, pem, 'contains no private key in PEM');
  if (/-----BEGIN ENCRYPTED|^Proc-Type: 4,ENCRYPTED/m.test(pem)) {
    throw new UsageError(`${where} is encrypted: decrypt the key first, for example with "openssl pkey"`);
  }
  try {
    return process.getBuiltinModule('node:crypto').createPrivateKey(pem);
  } catch (error) {
    throw new UsageError(`${where} contains no private key in PEM (${(error as Error).message})`);
  }
}

/** Logs that clients will refuse a certificate. It is no error: the clock may be wrong, or clients may not care. */
function logIfInvalid({ validFrom, validTo }: X509Certificate, which: string): void {
  const now = Date.now();
  if (now > Date.parse(validTo)) log(`warning: ${which} expired on ${validTo}`);
  else if (now < Date.parse(validFrom)) log(`warning: ${which} is not valid before ${validFrom}`);
}

/** Parses the certificate chain: the server's own certificate is the first. */
function parseChain(pem: string, where: string): readonly X509Certificate[] {
  requireSettings(where, pem, 'contains no certificate in PEM');
  const blocks = pem.match(/-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----.*?-----END [^\n]*/gs) ?? [];
  if (blocks.length === 0) throw new UsageError(`${where} contains no certificate in PEM`);
  const { X509Certificate } = process.getBuiltinModule('node:crypto');
  return blocks.map((block, i) => {
    try {
      return new X509Certificate(block);
    } catch (error) {
      const which = blocks.length > 1 ? `certificate ${i + 1} of ${blocks.length} in ` : '';
      throw new UsageError(`${which}${where} cannot be read (${(error as Error).message})`);
    }
  });
}
