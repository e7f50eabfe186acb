/**
 * Works on the items in order, at most `width` of them at the same time.
 * @throws the first error of the work; no further item is begun then
 */
export async function abreast<T>(
  items: Iterable<T>,
  width: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  // The workers share one iterator.
  const left = [...items].values();
  let failed = false;
  const worker = async () => {
    for (const item of left) {
      if (failed) return;
      await work(item).catch((error: unknown) => {
        failed = true;
        throw error;
      });
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
}
