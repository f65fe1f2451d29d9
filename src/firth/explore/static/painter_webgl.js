// Points by WebGL 2: one draw call. Rows are kept in reverse, so that frequent words are drawn last, on top, and the
// first N words are the last N of the buffer.

const VERTEX = `#version 300 es
in vec2 position;
in float value;
uniform vec2 centre;
uniform vec2 scale;
uniform float size;
uniform float rows;
uniform vec3 ramp[5];
out vec3 colour;
void main() {
  gl_Position = vec4((position - centre) * scale, 0.0, 1.0);
  float rank = rows - 1.0 - float(gl_VertexID);
  gl_PointSize = size * (1.0 + 1.4 * exp(-rank / 600.0));
  float place = value * 4.0;
  int low = min(int(place), 3);
  colour = mix(ramp[low], ramp[low + 1], place - float(low));
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
in vec3 colour;
uniform float alpha;
out vec4 pixel;
void main() {
  float radius = length(gl_PointCoord - 0.5);
  float shade = alpha * (1.0 - smoothstep(0.35, 0.5, radius));
  pixel = vec4(colour * shade, shade);
}`;

export class WebglPainter {
  /** @param {HTMLCanvasElement} canvas @param {WebGL2RenderingContext} gl */
  constructor(canvas, gl) {
    this.canvas = canvas;
    this.gl = gl;
    this.ratio = 1;
    this.rows = 0;
    this.program = linked(gl);
    this.positions = gl.createBuffer();
    this.values = gl.createBuffer();
    gl.useProgram(this.program);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  /** @param {Uint16Array} points */
  setPoints(points) {
    this.rows = points.length / 2;
    const reversed = new Uint16Array(points.length);
    for (let row = 0; row < this.rows; row++) {
      const place = 2 * (this.rows - 1 - row);
      reversed[place] = points[2 * row] ?? 0;
      reversed[place + 1] = points[2 * row + 1] ?? 0;
    }
    this.upload(this.positions, reversed, "position", 2, this.gl.UNSIGNED_SHORT);
  }

  /** @param {Uint8Array} colours */
  setColours(colours) {
    this.upload(this.values, colours.slice().reverse(), "value", 1, this.gl.UNSIGNED_BYTE);
  }

  /**
   * @param {WebGLBuffer | null} buffer @param {Uint16Array | Uint8Array} data
   * @param {string} name @param {number} size @param {number} type
   */
  upload(buffer, data, name, size, type) {
    const { gl } = this;
    const place = gl.getAttribLocation(this.program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, size, type, true, 0, 0);
  }

  /** @param {number} width @param {number} height @param {number} ratio */
  resize(width, height, ratio) {
    this.ratio = ratio;
    this.gl.viewport(0, 0, width * ratio, height * ratio);
  }

  /**
   * @param {import("./camera.js").Camera} camera @param {number} count @param {boolean} faint
   * @param {import("./types.js").Theme} theme
   */
  draw(camera, count, faint, theme) {
    const { gl, program } = this;
    const uniform = (/** @type {string} */ name) => gl.getUniformLocation(program, name);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.uniform2f(uniform("centre"), camera.x, camera.y);
    gl.uniform2f(uniform("scale"), (2 * camera.scale) / camera.width, (-2 * camera.scale) / camera.height);
    gl.uniform1f(uniform("size"), this.ratio * Math.min(9, 2.2 * camera.zoom ** 0.4));
    gl.uniform1f(uniform("rows"), this.rows);
    gl.uniform1f(uniform("alpha"), faint ? 0.25 : 0.8);
    gl.uniform3fv(uniform("ramp"), theme.ramp.flat().map((part) => part / 255));
    const shown = Math.min(count, this.rows);
    gl.drawArrays(gl.POINTS, this.rows - shown, shown);
  }
}

/** @param {WebGL2RenderingContext} gl */
function linked(gl) {
  const program = gl.createProgram();
  for (const [kind, source] of /** @type {[number, string][]} */ ([[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]])) {
    const shader = gl.createShader(kind);
    if (!shader) throw new Error("WebGL has no shaders left");
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program) ?? "WebGL failed");
  return program;
}
