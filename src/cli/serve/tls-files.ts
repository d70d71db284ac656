/**
 * @file Key and certificate for HTTPS, checked before the server starts, because a mismatched pair fails at each handshake.
 */
import type { KeyObject, X509Certificate } from 'node:crypto';
import { readTextFile, requireSettings } from '../input/read-file.ts';
import type { OptionValues } from '../options/option-table.ts';
import { UsageError } from '../usage-error.ts';

/**
 * Key and certificate in PEM, `undefined` for HTTP.
 * @throws UsageError that names option and file if one is missing, unreadable or not PEM, or the two do not match
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
  if (!parseChain(cert, `--ssl-cert-file ${sslCertFile}`).checkPrivateKey(privateKey)) {
    throw new UsageError(`--ssl-key-file ${sslKeyFile} is not the key of --ssl-cert-file ${sslCertFile}`);
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

/** Parses the certificate chain and returns the server's own certificate, which is the first. */
function parseChain(pem: string, where: string): X509Certificate {
  requireSettings(where, pem, 'contains no certificate in PEM');
  const blocks = pem.match(/-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----.*?-----END [^\n]*/gs) ?? [];
  if (blocks.length === 0) throw new UsageError(`${where} contains no certificate in PEM`);
  const { X509Certificate } = process.getBuiltinModule('node:crypto');
  const chain = blocks.map((block, i) => {
    try {
      return new X509Certificate(block);
    } catch (error) {
      const which = blocks.length > 1 ? `certificate ${i + 1} of ${blocks.length} in ` : '';
      throw new UsageError(`${which}${where} cannot be read (${(error as Error).message})`);
    }
  });
  return chain[0];
}
