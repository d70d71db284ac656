/**
 * @file The server: `createApp` for any runtime. `sockets/listen.node.ts` adds sockets.
 */
export { type App, type AppOptions, createApp } from './app.ts';
export type { Engine } from './engine.ts';
export type { PageFile, PageFiles } from './middleware/page.ts';
export type { AnsweredRequest } from './options.ts';
export type { ModelStore } from './router/downloads.ts';
export { createRouter, type Router, type RouterOptions } from './router/router.ts';
export type { ModelKind, ServedModel } from './router/served-model.ts';
