// A mail as actions pass it on: headers that count, its text whatever it was written in, attachments, and the messages inside it.

import type { JsonObject } from '../../../kernel/json.ts';

export interface Attachment {
  readonly fileName: string;
  readonly contentType: string;
  readonly sizeBytes: number;
  /** Of a PDF, of text and of HTML. */
  readonly text?: string;
  /** Why there is no text though there should be. */
  readonly problem?: string;
}

export interface Message {
  readonly subject: string;
  readonly from: string;
  readonly to: readonly string[];
  readonly cc: readonly string[];
  /** With the sender's own offset as it was written; null when there is none. */
  readonly date: string | null;
  readonly messageId: string | null;
  readonly text: string;
  /** What the text was made of. */
  readonly textFrom: 'text' | 'html' | 'pdf' | 'none';
  readonly attachments: readonly Attachment[];
  /** Messages that came as attachments of this one. */
  readonly forwarded: readonly Message[];
}

export const MESSAGE_SCHEMA: JsonObject = {
  $id: 'message',
  type: 'object',
  properties: {
    subject: { type: 'string' },
    from: { type: 'string' },
    to: { type: 'array', items: { type: 'string' } },
    cc: { type: 'array', items: { type: 'string' } },
    date: { type: ['string', 'null'] },
    messageId: { type: ['string', 'null'] },
    text: { type: 'string' },
    textFrom: { enum: ['text', 'html', 'pdf', 'none'] },
    attachments: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          fileName: { type: 'string' },
          contentType: { type: 'string' },
          sizeBytes: { type: 'integer' },
          text: { type: 'string' },
          problem: { type: 'string' },
        },
        required: ['fileName', 'contentType', 'sizeBytes'],
      },
    },
    forwarded: { type: 'array', items: { type: 'object' } },
  },
  required: ['subject', 'from', 'to', 'date', 'text', 'attachments', 'forwarded'],
};
