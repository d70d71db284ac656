/**
 * @file Paints the points of the map: with WebGL 2, or on a plain canvas where there is none.
 */
import type { Size, Viewport } from './viewport.ts';

/** The points; each has an x, a y and the four bytes of its colour. */
export interface Points {
  readonly positions: Float32Array;
  readonly colours: Uint8Array;
}

/** Paints points. */
export interface Painter {
  /** Takes other points. */
  setPoints(points: Points): void;
  /** @param radius of a point, in pixels of the style sheet @param ratio pixels of the screen for one of those */
  paint(view: Viewport, size: Size, radius: number, ratio: number): void;
}

/** The painter for a new canvas. */
export function createPainter(canvas: HTMLCanvasElement): Painter {
  const gl = canvas.getContext('webgl2', { antialias: false, preserveDrawingBuffer: true, premultipliedAlpha: true });
  return gl === null ? plainPainter(canvas) : webglPainter(canvas, gl);
}

/** Gives a canvas a size in pixels of the screen. A canvas that already has it keeps its memory. */
function resize(canvas: HTMLCanvasElement, width: number, height: number): void {
  if (canvas.width !== Math.round(width)) canvas.width = Math.round(width);
  if (canvas.height !== Math.round(height)) canvas.height = Math.round(height);
}

const vertexShader = `#version 300 es
uniform vec4 view; // the middle, and the clip units for one of the plane
uniform float diameter;
in vec2 position;
in vec4 colour;
out vec4 fill;
void main() {
  gl_Position = vec4((position - view.xy) * view.zw, 0.0, 1.0);
  gl_PointSize = diameter;
  fill = colour;
}`;

const fragmentShader = `#version 300 es
precision mediump float;
in vec4 fill;
out vec4 colour;
void main() {
  float far = length(gl_PointCoord - 0.5) * 2.0;
  float alpha = fill.a * (1.0 - smoothstep(0.8, 1.0, far));
  if (alpha <= 0.0) discard;
  colour = vec4(fill.rgb * alpha, alpha);
}`;

function webglPainter(canvas: HTMLCanvasElement, gl: WebGL2RenderingContext): Painter {
  const program = gl.createProgram();
  for (const [kind, source] of [
    [gl.VERTEX_SHADER, vertexShader],
    [gl.FRAGMENT_SHADER, fragmentShader],
  ] as const) {
    const shader = gl.createShader(kind)!;
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  gl.useProgram(program);
  const view = gl.getUniformLocation(program, 'view');
  const diameter = gl.getUniformLocation(program, 'diameter');
  const attribute = (name: string, length: number, type: number, isByte: boolean) => {
    const buffer = gl.createBuffer();
    const location = gl.getAttribLocation(program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.enableVertexAttribArray(location);
    gl.vertexAttribPointer(location, length, type, isByte, 0, 0);
    return (data: Float32Array | Uint8Array) => {
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.bufferData(gl.ARRAY_BUFFER, data, gl.DYNAMIC_DRAW);
    };
  };
  const setPositions = attribute('position', 2, gl.FLOAT, false);
  const setColours = attribute('colour', 4, gl.UNSIGNED_BYTE, true);
  gl.enable(gl.BLEND);
  gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  let nPoints = 0;
  return {
    setPoints({ positions, colours }) {
      nPoints = positions.length / 2;
      setPositions(positions);
      setColours(colours);
    },
    paint({ x, y, scale }, { width, height }, radius, ratio) {
      resize(canvas, width * ratio, height * ratio);
      gl.viewport(0, 0, canvas.width, canvas.height);
      gl.clearColor(0, 0, 0, 0);
      gl.clear(gl.COLOR_BUFFER_BIT);
      gl.uniform4f(view, x, y, (2 * scale) / width, (2 * scale) / height);
      gl.uniform1f(diameter, 2 * radius * ratio);
      gl.drawArrays(gl.POINTS, 0, nPoints);
    },
  };
}

function plainPainter(canvas: HTMLCanvasElement): Painter {
  const context = canvas.getContext('2d')!;
  let points: Points = { positions: new Float32Array(), colours: new Uint8Array() };
  return {
    setPoints(next) {
      points = next;
    },
    paint({ x, y, scale }, { width, height }, radius, ratio) {
      resize(canvas, width * ratio, height * ratio);
      context.clearRect(0, 0, canvas.width, canvas.height);
      const { positions, colours } = points;
      for (let i = 0; 2 * i < positions.length; i++) {
        const left = (width / 2 + (positions[2 * i] - x) * scale - radius) * ratio;
        const top = (height / 2 - (positions[2 * i + 1] - y) * scale - radius) * ratio;
        const [red, green, blue, alpha] = colours.subarray(4 * i, 4 * i + 4);
        context.fillStyle = `rgb(${red} ${green} ${blue} / ${alpha / 255})`;
        context.fillRect(left, top, 2 * radius * ratio, 2 * radius * ratio);
      }
    },
  };
}
