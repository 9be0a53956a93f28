/** Puts the page into the document. */
import '../training/no-eval.ts';

import { mount } from 'svelte';
import App from './App.svelte';
import './style/tokens.css';
import './style/base.css';
import './style/layout.css';
import './style/controls.css';
import './style/signs.css';
import './style/tables.css';

const target = document.querySelector('#page');
if (target === null) throw new Error('the document has no place for the page');
mount(App, { target });
