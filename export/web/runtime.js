/** LiteRT.js, loaded once and again after a crash. */

const WASM = "./node_modules/@litertjs/core/wasm/";

let loading = null;

/** The module of LiteRT.js, ready to compile models. */
export function liteRt() {
  loading ??= load().catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
}

/** Throw the crashed WebAssembly instance away. Every model in it must be deleted before. */
export async function unload() {
  const { unloadLiteRt } = await liteRt();
  loading = null;
  unloadLiteRt();
}

async function load() {
  try {
    const module = await import("@litertjs/core");
    await module.loadLiteRt(WASM);
    return module;
  } catch (cause) {
    throw new Error(
      "LiteRT.js could not be loaded: run “npm install” in this page's folder and reload the page.",
      { cause },
    );
  }
}
