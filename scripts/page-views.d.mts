import type { Browser } from 'playwright-core';

export declare const pageViews: Readonly<Record<string, object>>;
export declare function pictureOf(
  browser: Browser,
  url: string,
  name: string,
): Promise<{ bytes: Buffer; problems: string[] }>;
