// Whether something moves in front of the camera: small grey pictures compared with one another.
"use strict";

(() => {
  const WIDTH = 64;
  const HEIGHT = 48;
  const LEVEL = 14; // of 255; less is the noise of the camera
  const SHARE = 0.008; // of the picture; about a hand three metres away

  class Motion {
    constructor() {
      this.canvas = document.createElement("canvas");
      this.canvas.width = WIDTH;
      this.canvas.height = HEIGHT;
      this.context = this.canvas.getContext("2d", { willReadFrequently: true });
      this.before = null;
    }

    // Whether this picture of the video differs from the one before. The first one does.
    moved(video) {
      this.context.drawImage(video, 0, 0, WIDTH, HEIGHT);
      const { data } = this.context.getImageData(0, 0, WIDTH, HEIGHT);
      const grey = new Float32Array(WIDTH * HEIGHT);
      for (let i = 0; i < grey.length; i += 1) {
        grey[i] = 0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2];
      }
      const before = this.before;
      this.before = grey;
      return before === null || differs(before, grey);
    }

    forget() {
      this.before = null;
    }
  }

  // A lamp, or the camera's own exposure, changes all of the picture alike: that is taken off.
  function differs(before, after) {
    let shift = 0;
    for (let i = 0; i < after.length; i += 1) shift += after[i] - before[i];
    shift /= after.length;
    let changed = 0;
    for (let i = 0; i < after.length; i += 1) if (Math.abs(after[i] - before[i] - shift) > LEVEL) changed += 1;
    return changed > SHARE * after.length;
  }

  window.kiosk.Motion = Motion;
})();
