/** For what the service does not push: `work` now, and again `everyMs` after it has ended, while the page is seen. */
export function poll(everyMs: number, work: () => Promise<unknown>): () => void {
  let stopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const turn = async () => {
    await work();
    wait();
  };
  const wait = () => {
    if (!stopped) timer = setTimeout(() => (document.hidden ? wait() : void turn()), everyMs);
  };
  void turn();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
