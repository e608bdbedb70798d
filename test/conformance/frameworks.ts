import { createRequire } from 'node:module'
import type express from 'express'
import type Koa from 'koa'

const require = createRequire(import.meta.url)

/** Express 4, which has no types of its own beside those of 5; the parts used here are the same. */
export const express4: typeof express = require('express4')

/** Koa 2, likewise. */
export const Koa2: typeof Koa = require('koa2')
