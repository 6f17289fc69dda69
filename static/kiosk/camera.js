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
        throw new Error(cameraShot.trouble(error));
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
      if (!this.live || !this.video.clientHeight) return null;
      const canvas = cameraShot.draw(this.video, MAX_SIDE);
      const picture = await cameraShot.jpeg(canvas, QUALITY);
      return picture && { picture, width: canvas.width, height: canvas.height };
    }
  }

  window.kiosk.Camera = Camera;
})();
