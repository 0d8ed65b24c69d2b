/** What a screen reader is told when something changes by itself. One polite region in the shell reads it. */
class Announcer {
  message = $state("");

  say(message: string): void {
    // The same words twice are no change to a live region; a trailing space makes them one.
    this.message = this.message === message ? `${message}\u00a0` : message;
  }
}

export const announcer = new Announcer();
