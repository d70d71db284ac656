/**
 * @file The server: `createApp` for any runtime with `Request` and `Response`. Sockets are in `sockets/listen.node.ts`.
 */
export { type App, type AppOptions, createApp } from './app.ts';
export type { Engine } from './engine.ts';
export type { AnsweredRequest } from './options.ts';
export { createRouter, type Router, type RouterOptions } from './router/router.ts';
export type { ModelKind, ServedModel } from './router/served-model.ts';
