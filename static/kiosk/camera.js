// The camera, and the pictures that are taken from it: what the stage shows, not mirrored.
"use strict";

(() => {
  const MAX_SIDE = 1280; // pixels
  const QUALITY = 0.88;

  class Camera {
    constructor(video) {
      this.video = video;
      this.stream = null;
      this.facing = localStorage.getItem("kiosk-facing") ?? "user";
    }

    get live() {
      return this.stream !== null && this.video.videoWidth > 0;
    }

    // Throws an Error whose message is a word: denied, missing, busy or insecure.
    async open(onEnd) {
      this.close();
      if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia) throw new Error("insecure");
      try {
        this.stream = await navigator.mediaDevices.getUserMedia({
          audio: false,
          video: { facingMode: this.facing, width: { ideal: 1280 }, height: { ideal: 720 } },
        });
        this.stream.getVideoTracks()[0].addEventListener("ended", onEnd);
        this.video.srcObject = this.stream;
        this.video.classList.toggle("mirrored", this.facing === "user");
        await this.video.play();
      } catch (error) {
        this.close();
        throw new Error(reason(error));
      }
    }

    close() {
      this.stream?.getTracks().forEach((track) => track.stop());
      this.stream = null;
      this.video.srcObject = null;
    }

    turn() {
      this.facing = this.facing === "user" ? "environment" : "user";
      localStorage.setItem("kiosk-facing", this.facing);
    }

    // {picture: JPEG, width, height}, or null when the camera gives none.
    async take() {
      const canvas = this.draw(MAX_SIDE);
      if (!canvas) return null;
      const picture = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
      return picture && { picture, width: canvas.width, height: canvas.height };
    }

    draw(side) {
      const { video } = this;
      if (!this.live || !video.clientHeight) return null;
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
  }

  function reason(error) {
    if (error.name === "NotAllowedError" || error.name === "SecurityError") return "denied";
    if (error.name === "NotFoundError" || error.name === "OverconstrainedError") return "missing";
    return "busy";
  }

  window.kiosk.Camera = Camera;
})();
