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

/** @param {WebGL2RenderingContext} gl @returns {Painter} */
export function webglPainter(gl) {
  const program = linked(gl);
  const uniform = (/** @type {string} */ name) => gl.getUniformLocation(program, name);
  const [setPositions, setValues] = [attribute(gl, program, "position", 2), attribute(gl, program, "value", 1)];
  let pixels = 1; // of the screen, for one of the page
  let rows = 0;
  gl.useProgram(program);
  gl.enable(gl.BLEND);
  gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  return {
    setPoints(points) {
      rows = points.length / 2;
      const reversed = new Uint32Array(points.slice().buffer).reverse(); // one number for the two of a point
      setPositions(new Uint16Array(reversed.buffer));
    },
    setColours: (colours) => setValues(colours.slice().reverse()),
    resize(width, height, ratio) {
      pixels = ratio;
      gl.viewport(0, 0, width * ratio, height * ratio);
    },
    draw(camera, count, faint, theme) {
      gl.clearColor(0, 0, 0, 0);
      gl.clear(gl.COLOR_BUFFER_BIT);
      gl.uniform2f(uniform("centre"), camera.x, camera.y);
      gl.uniform2f(uniform("scale"), (2 * camera.scale) / camera.width, (-2 * camera.scale) / camera.height);
      gl.uniform1f(uniform("size"), pixels * Math.min(9, 2.2 * camera.zoom ** 0.4));
      gl.uniform1f(uniform("rows"), rows);
      gl.uniform1f(uniform("alpha"), faint ? 0.25 : 0.8);
      gl.uniform3fv(uniform("ramp"), theme.ramp.flat().map((part) => part / 255));
      const shown = Math.min(count, rows);
      gl.drawArrays(gl.POINTS, rows - shown, shown);
    },
  };
}

/**
 * Return a function that sets an attribute of all points, of `size` numbers each.
 * @param {WebGL2RenderingContext} gl @param {WebGLProgram} program @param {string} name @param {number} size
 */
function attribute(gl, program, name, size) {
  const [buffer, place] = [gl.createBuffer(), gl.getAttribLocation(program, name)];
  return (/** @type {Uint16Array | Uint8Array} */ data) => {
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, size, data instanceof Uint8Array ? gl.UNSIGNED_BYTE : gl.UNSIGNED_SHORT, true, 0, 0);
  };
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
