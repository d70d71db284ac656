/**
 * @file Node's module for HTTP. An `import` of it would read all that it exports, and so load an HTTP client that takes 18 MB.
 */
export const { createServer, maxHeaderSize, request, ServerResponse, STATUS_CODES } =
  process.getBuiltinModule('node:http');
