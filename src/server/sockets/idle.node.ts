/**
 * @file Closes kept connections without a request. Node by itself closes them when their time is over, even if the thread was busy and
 * has not read the request that has arrived meanwhile. The client then sees its connection reset.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** Closes the connections of a server whose time is over, unless something has arrived on them. */
export function closeIdle(server: Server): void {
  server.on('timeout', (socket: Socket) => {
    const { bytesRead } = socket;
    afterReading(() => {
      if (socket.bytesRead === bytesRead) socket.destroy();
    });
  });
}

/** Runs `work` after what has arrived was read. Of a thread that was busy, timers come first. */
export function afterReading(work: () => void): void {
  setImmediate(work);
}
