/** An event of a stream. */
export interface StreamEvent {
  name: string;
  data: string;
}

/**
 * Reads server-sent events from text that comes in pieces, as the HTML standard says.
 *
 * Only CR, LF and CRLF end a line, and a CRLF may be cut in two.
 */
export class EventParser {
  /** The id of the last event that was complete. It stays until an event has another one. */
  lastEventId: string;
  /** What the server says about the time before a reconnection, in milliseconds. */
  retryMs: number | undefined;
  #id: string;
  #name = "";
  #data: string[] = [];
  #line = "";
  #afterCr = false;

  constructor(lastEventId = "") {
    this.lastEventId = lastEventId;
    this.#id = lastEventId;
  }

  /** Returns the events that this piece completes. */
  *feed(piece: string): Generator<StreamEvent> {
    if (piece === "") return;
    const text = this.#afterCr && piece.startsWith("\n") ? piece.slice(1) : piece;
    this.#afterCr = piece.endsWith("\r");
    const lines = (this.#line + text).split(/\r\n|\r|\n/);
    this.#line = lines.pop()!;
    for (const line of lines) {
      if (line === "") yield* this.#dispatch();
      else this.#field(line);
    }
  }

  *#dispatch(): Generator<StreamEvent> {
    // Not before: the event of an id that is cut off must come again.
    this.lastEventId = this.#id;
    const event = { name: this.#name || "message", data: this.#data.join("\n") };
    const complete = this.#data.length > 0;
    this.#name = "";
    this.#data = [];
    if (complete) yield event;
  }

  #field(line: string): void {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#name = value;
    else if (name === "id" && !value.includes("\0")) this.#id = value;
    else if (name === "retry" && /^\d+$/.test(value)) this.retryMs = Number(value);
  }
}
