/**
 * @file The server: `createApp` for any runtime with `Request` and `Response`. Sockets are in `listen.node.ts`.
 */
export { type App, createApp } from './app.ts';
export type { Engine } from './engine.ts';
export type { AnsweredRequest } from './options.ts';
export type { AppOptions } from './state.ts';
