/** Puts the page into the document. */
import { mount } from 'svelte';
import * as z from 'zod';
import App from './App.svelte';
import './style/tokens.css';
import './style/base.css';
import './style/layout.css';
import './style/controls.css';
import './style/signs.css';
import './style/tables.css';

// Schemas shall not try `new Function`: the page's policy forbids it, and every try would be reported.
z.config({ jitless: true });

const target = document.querySelector('#page');
if (target === null) throw new Error('the document has no place for the page');
mount(App, { target });
