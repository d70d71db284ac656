/**
 * @file Splits bytes into JSON tokens, with the error messages of llama-server's JSON library.
 */

export type Token =
  | 'literal'
  | 'string literal'
  | 'number literal'
  | "'['"
  | "']'"
  | "'{'"
  | "'}'"
  | "':'"
  | "','"
  | 'end of input';

const LINE_FEED = 0x0a;

/** Maximum number of bytes of a token in a message. A longer token loses its first bytes, because the mistake is at its end. */
const MAX_SHOWN = 200;

const controlNames =
  'NUL SOH STX ETX EOT ENQ ACK BEL BS HT LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US'.split(
    ' ',
  );
const shortEscapes: Readonly<Record<number, string>> = { 8: '\\b', 9: '\\t', 10: '\\n', 12: '\\f', 13: '\\r' };

/** A mistake inside a token. Its message has no position yet. */
export class LexerError extends Error {}

/** Splits bytes into tokens. */
export class Lexer {
  readonly #bytes: Uint8Array;
  /** Index of the next byte; length + 1 after the end. */
  #at = 0;
  /** Start of the last string or number. Messages show the text from there on. */
  #shownFrom = 0;
  #literal = '';

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) this.#at = 3;
  }

  /** Whether the input is empty. */
  get nothingRead(): boolean {
    return this.#bytes.length === 0;
  }

  /** Adds the position of the last byte to a message. */
  positioned(text: string): string {
    const before = this.#bytes.subarray(0, this.#at);
    const column = this.#at - before.lastIndexOf(LINE_FEED) - 1;
    const line = before.reduce((n, byte) => (byte === LINE_FEED ? n + 1 : n), 1);
    return `[json.exception.parse_error.101] parse error at line ${line}, column ${column}: ${text}`;
  }

  message(context: string, problem: string, expected?: string): string {
    return this.positioned(
      `syntax error while parsing ${context} - ${problem}${expected === undefined ? '' : `; expected ${expected}`}`,
    );
  }

  describe(token: Token): string {
    return token === 'literal' ? `${this.#literal} literal` : token;
  }

  /**
   * Reads the next token.
   * @param context and `expected` appear in the message if there is no valid token
   */
  next(context: string, expected?: string): Token {
    this.#skipSpace();
    const byte = this.#read();
    if (byte === 0x22 || byte === 0x2d || isDigit(byte)) this.#shownFrom = this.#at - 1;
    const lastKey = context === 'object key' ? 'string literal' : expected;
    const fail = (problem: string): never => {
      const end = Math.min(this.#at, this.#bytes.length);
      const from = Math.max(this.#shownFrom, end - MAX_SHOWN);
      const seen = this.#bytes.subarray(from, end);
      const shown = Array.from(new TextDecoder().decode(seen), escapeControl).join('');
      const cut = from > this.#shownFrom ? '…' : '';
      throw new LexerError(this.message(context, `${problem}; last read: '${cut}${shown}'`, lastKey));
    };
    switch (byte) {
      case undefined:
        return 'end of input';
      case 0x5b:
        return "'['";
      case 0x5d:
        return "']'";
      case 0x7b:
        return "'{'";
      case 0x7d:
        return "'}'";
      case 0x3a:
        return "':'";
      case 0x2c:
        return "','";
      case 0x22:
        this.#string(fail);
        return 'string literal';
      case 0x74:
        return this.#word('true', fail);
      case 0x66:
        return this.#word('false', fail);
      case 0x6e:
        return this.#word('null', fail);
      default:
        if (byte !== 0x2d && !isDigit(byte)) fail('invalid literal');
        this.#number(byte, fail);
        return 'number literal';
    }
  }

  #read(): number | undefined {
    return this.#bytes[this.#at++];
  }

  #skipSpace(): void {
    for (;;) {
      const byte = this.#bytes[this.#at];
      if (byte !== LINE_FEED && byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) return;
      this.#at++;
    }
  }

  #word(word: string, fail: (problem: string) => never): Token {
    for (let i = 1; i < word.length; i++) if (this.#read() !== word.charCodeAt(i)) fail('invalid literal');
    this.#literal = word;
    return 'literal';
  }

  #number(first: number, fail: (problem: string) => never): void {
    let byte: number | undefined = first;
    if (byte === 0x2d && !isDigit((byte = this.#read()))) fail("invalid number; expected digit after '-'");
    if (byte === 0x30) byte = this.#read();
    else while (isDigit(byte)) byte = this.#read();
    if (byte === 0x2e) {
      if (!isDigit((byte = this.#read()))) fail("invalid number; expected digit after '.'");
      while (isDigit(byte)) byte = this.#read();
    }
    if (byte === 0x65 || byte === 0x45) {
      byte = this.#read();
      if (byte === 0x2b || byte === 0x2d) {
        if (!isDigit((byte = this.#read()))) fail('invalid number; expected digit after exponent sign');
      } else if (!isDigit(byte)) fail("invalid number; expected '+', '-', or digit after exponent");
      while (isDigit(byte)) byte = this.#read();
    }
    this.#at--;
  }

  #string(fail: (problem: string) => never): void {
    for (;;) {
      const byte = this.#read();
      if (byte === 0x22) return;
      if (byte === undefined) fail('invalid string: missing closing quote');
      else if (byte === 0x5c) this.#escape(fail);
      else if (byte < 0x20) {
        const code = `U+${hex4(byte)} (${controlNames[byte]})`;
        const short = shortEscapes[byte];
        fail(
          `invalid string: control character ${code} must be escaped to \\u${hex4(byte)}${short ? ` or ${short}` : ''}`,
        );
      } else if (byte >= 0x80) this.#multibyte(byte, fail);
    }
  }

  #escape(fail: (problem: string) => never): void {
    const letter = this.#read();
    if (letter !== 0x75) {
      if (letter === undefined || !'"\\/bfnrt'.includes(String.fromCharCode(letter))) {
        fail('invalid string: forbidden character after backslash');
      }
      return;
    }
    const unit = this.#hexUnit(fail);
    if (unit >= 0xdc00 && unit <= 0xdfff) {
      fail('invalid string: surrogate U+DC00..U+DFFF must follow U+D800..U+DBFF');
    }
    if (unit < 0xd800 || unit > 0xdbff) return;
    const unpaired = 'invalid string: surrogate U+D800..U+DBFF must be followed by U+DC00..U+DFFF';
    if (this.#read() !== 0x5c || this.#read() !== 0x75) fail(unpaired);
    const low = this.#hexUnit(fail);
    if (low < 0xdc00 || low > 0xdfff) fail(unpaired);
  }

  #hexUnit(fail: (problem: string) => never): number {
    let unit = 0;
    for (let i = 0; i < 4; i++) {
      const byte = this.#read();
      const digit = byte === undefined ? Number.NaN : Number.parseInt(String.fromCharCode(byte), 16);
      if (Number.isNaN(digit)) fail("invalid string: '\\u' must be followed by 4 hex digits");
      unit = 16 * unit + digit;
    }
    return unit;
  }

  /** Reads the rest of a UTF-8 sequence: no overlong forms, no surrogates, nothing above U+10FFFF. */
  #multibyte(lead: number, fail: (problem: string) => never): void {
    const nMore =
      lead >= 0xc2 && lead <= 0xdf ? 1 : lead >= 0xe0 && lead <= 0xef ? 2 : lead >= 0xf0 && lead <= 0xf4 ? 3 : 0;
    let low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    let high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    if (nMore === 0) fail('invalid string: ill-formed UTF-8 byte');
    for (let i = 0; i < nMore; i++) {
      const byte = this.#read();
      if (byte === undefined || byte < low || byte > high) fail('invalid string: ill-formed UTF-8 byte');
      low = 0x80;
      high = 0xbf;
    }
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

function hex4(code: number): string {
  return code.toString(16).toUpperCase().padStart(4, '0');
}

/** Shows the control characters of a token as codes. */
function escapeControl(char: string): string {
  const code = char.codePointAt(0)!;
  return code < 0x20 ? `<U+${hex4(code)}>` : char;
}
