// A picture of what a video element shows, unmirrored and cut as it is shown, and what keeps a camera from opening.
"use strict";

window.cameraShot = (() => {
  // A canvas whose longer side is at most so many pixels. What is outside of the frame on the page is not in it.
  function draw(video, side) {
    const shown = video.clientWidth / video.clientHeight;
    const width = Math.min(video.videoWidth, video.videoHeight * shown);
    const height = Math.min(video.videoHeight, video.videoWidth / shown);
    const scale = Math.min(1, side / Math.max(width, height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const left = (video.videoWidth - width) / 2;
    const top = (video.videoHeight - height) / 2;
    canvas.getContext("2d").drawImage(video, left, top, width, height, 0, 0, canvas.width, canvas.height);
    return canvas;
  }

  const jpeg = (canvas, quality) => new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));

  // Of what getUserMedia throws: denied, missing or busy.
  function trouble(error) {
    if (error.name === "NotAllowedError" || error.name === "SecurityError") return "denied";
    if (error.name === "NotFoundError" || error.name === "OverconstrainedError") return "missing";
    return "busy";
  }

  return { draw, jpeg, trouble };
})();
