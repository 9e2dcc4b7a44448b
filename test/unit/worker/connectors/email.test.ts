// Mails as files: loose headers, MIME with its encodings, attachments, PDFs, and a folder as an inbox.

import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EmailConnector } from '../../../../worker/connectors/email/email.ts';
import { htmlToText } from '../../../../worker/connectors/email/html-text.ts';
import { decodeText, parsePlain } from '../../../../worker/connectors/email/plain.ts';
import { act, contextFor } from '../../../support/action-context.ts';

const MAILS = join(import.meta.dirname, '../../../fixtures/purchase-orders');
const email = new EmailConnector();
let place: string;
beforeEach(() => {
  place = fs.mkdtempSync(join(tmpdir(), 'oarlock-email-'));
});
afterEach(() => fs.rmSync(place, { recursive: true }));

function put(name: string, content: string | Buffer): string {
  fs.mkdirSync(join(place, name, '..'), { recursive: true });
  fs.writeFileSync(join(place, name), content);
  return name;
}

describe('loose headers', () => {
  const cases: readonly { name: string; text: string; expected: object }[] = [
    {
      name: 'several on one line',
      text: 'Subject: Hi\nFrom: a@x.com To: b@y.com, c@y.com Date: Wed, 18 Jun 2025 09:14:33 -0500\nText',
      expected: {
        subject: 'Hi',
        from: 'a@x.com',
        to: ['b@y.com', 'c@y.com'],
        date: 'Wed, 18 Jun 2025 09:14:33 -0500',
        text: 'Text',
      },
    },
    {
      name: 'a subject that speaks of From: and To:',
      text: 'Subject: Transfer From: stock To: shop\nFrom: a@x.com\n\nText',
      expected: { subject: 'Transfer From: stock To: shop', from: 'a@x.com', to: [] },
    },
    {
      name: 'German ones',
      text: 'Betreff: Bestellung\nVon: a@x.de\nAn: b@y.de\nDatum: 1.2.2025\n\nText',
      expected: { subject: 'Bestellung', from: 'a@x.de', to: ['b@y.de'], date: '1.2.2025', text: 'Text' },
    },
    { name: 'none at all', text: 'Please send 3.', expected: { subject: '', from: '', text: 'Please send 3.' } },
    { name: 'nothing', text: '', expected: { subject: '', text: '', textFrom: 'none' } },
    {
      name: 'a body line that looks like one',
      text: 'Subject: Hi\n\nDear all,\nDate: 1 May',
      expected: { subject: 'Hi', date: null, text: 'Dear all,\nDate: 1 May' },
    },
  ];
  test.each(cases)('$name', ({ text, expected }) => {
    expect(parsePlain(text)).toMatchObject(expected);
  });

  test.each([
    ['UTF-8 with a mark', Buffer.from('\ufeffGrüße')],
    ['UTF-16', Buffer.from('\ufeffGrüße', 'utf16le')],
    ['Windows-1252', Buffer.from('Grüße', 'latin1')],
  ])('%s is read as text', (_name, bytes) => {
    expect(decodeText(bytes).replace('\ufeff', '')).toBe('Grüße');
  });

  test('Shift_JIS is read as text', () => {
    expect(decodeText(Buffer.from([0x82, 0xb2, 0x92, 0x8d, 0x95, 0xb6, 0x82, 0xc5, 0x82, 0xb7]))).toBe('ご注文です');
  });
});

describe('MIME', () => {
  test('a PDF that is attached is read, with its columns apart', async () => {
    const message = await act(email, 'read', { path: '29-pdf-only.eml' }, contextFor(MAILS));
    expect(message).toMatchObject({
      subject: 'PO attached',
      text: expect.stringContaining('see the attached'),
      attachments: [
        {
          fileName: 'MA-44120.pdf',
          contentType: 'application/pdf',
          text: expect.stringContaining('1\tNAS1149\tWasher, flat, steel\t5,000\t$0.042\t$210.00'),
        },
      ],
    });
  });

  test('encoded subjects, quoted-printable and what is struck out or hidden', async () => {
    const message = await act(email, 'read', { path: '08-html-only.eml' }, contextFor(MAILS));
    expect(message).toMatchObject({ subject: 'Purchase Order BF-3009 – planters', textFrom: 'html' });
    const { text } = message as { text: string };
    expect(text).toContain('2\tPlanter, square 18"\t16\t$49.50\t$792.00');
    expect(text).not.toMatch(/55\.00|FAKE/);
  });

  test('a message inside the message is a message', async () => {
    expect(await act(email, 'read', { path: '25-nested-forward.eml' }, contextFor(MAILS))).toMatchObject({
      subject: 'Fwd: order',
      forwarded: [{ subject: 'Purchase Order DP-311', text: expect.stringContaining('Café Dental') }],
    });
  });

  test('an attachment that is no PDF inside says so and does not fail the mail', async () => {
    const path = put('m.txt', 'Subject: x\nAttachment: broken.pdf\n\nsee attached');
    put('broken.pdf', '%PDF-1.4 not really');
    expect(await act(email, 'read', { path }, contextFor(place))).toMatchObject({
      attachments: [{ fileName: 'broken.pdf', problem: expect.stringMatching(/^cannot be read: /) }],
    });
  });

  test('a header names no file outside of its folder', async () => {
    put('secret.txt', 'secret');
    const path = put('in/m.txt', 'Subject: x\nAttachment: ../secret.txt\n\ntext');
    expect(await act(email, 'read', { path }, contextFor(place))).toMatchObject({ attachments: [] });
  });

  test('scripts and styles are no text', () => {
    expect(htmlToText('<style>p{}</style><script>alert(1)</script><p>One &amp; two</p>')).toBe('One & two');
  });
});

describe('an inbox', () => {
  test('lists what waits, and a message that is done is so once', async () => {
    put('inbox/b.eml', 'Subject: b\n\nb');
    put('inbox/a.txt', 'Subject: a\n\na');
    put('inbox/notes.md', 'no mail');
    const list = (): Promise<unknown> => act(email, 'list', { folder: 'inbox' }, contextFor(place));
    const done = (): Promise<unknown> => act(email, 'markDone', { path: 'inbox/a.txt' }, contextFor(place));
    expect(await list()).toEqual({ paths: ['inbox/a.txt', 'inbox/b.eml'] });
    expect(await done()).toEqual({ path: 'inbox/done/a.txt', moved: true });
    expect(await done()).toEqual({ path: 'inbox/done/a.txt', moved: false });
    expect(await list()).toEqual({ paths: ['inbox/b.eml'] });
    expect(fs.readFileSync(join(place, 'inbox/done/a.txt'), 'utf8')).toContain('Subject: a');
  });

  test('a message that never was is an error', async () => {
    await expect(act(email, 'markDone', { path: 'inbox/no.txt' }, contextFor(place))).rejects.toThrow(
      'inbox/no.txt: no such message, neither here nor in done/',
    );
    await expect(act(email, 'read', { path: 'no.txt' }, contextFor(place))).rejects.toThrow('no such file');
  });
});
