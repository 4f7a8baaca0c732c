/** Loads LiteRT.js once, and again after a crash. */

const WASM = "./node_modules/@litertjs/core/wasm/";

let loading = null;

/** The LiteRT.js module, ready to compile models. */
export function liteRt() {
  loading ??= load().catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
}

/** Discard a crashed WebAssembly instance. Delete all of its models first. */
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
      "LiteRT.js cannot be loaded. Run “npm install” in the folder of this page, and reload the page.",
      { cause },
    );
  }
}
