// Taking photos with the camera of this computer, as one more way to fill a drop zone.
"use strict";

(() => {
  if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia) return;

  document.querySelectorAll("[data-drop-zone]").forEach((zone) => {
    const open = zone.querySelector("[data-webcam]");
    const panel = zone.querySelector("[data-webcam-panel]");
    const video = zone.querySelector("[data-video]");
    const say = zone.querySelector("[data-say]");
    let stream = null;

    function close() {
      stream?.getTracks().forEach((track) => track.stop());
      stream = null;
      video.srcObject = null;
      panel.hidden = true;
      open.hidden = false;
    }

    async function start() {
      open.hidden = true;
      say.textContent = "Your browser may ask whether this page may use the camera.";
      try {
        stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: { width: { ideal: 1280 } } });
        video.srcObject = stream;
        panel.hidden = false;
        await video.play();
        say.textContent = "";
      } catch (error) {
        close();
        say.textContent =
          error.name === "NotAllowedError"
            ? "The camera is not allowed. Allow it in the address bar of your browser."
            : "The camera cannot be used; perhaps another program uses it, or there is none.";
      }
    }

    function shoot() {
      const canvas = document.createElement("canvas");
      canvas.width = video.videoWidth;
      canvas.height = video.videoHeight;
      canvas.getContext("2d").drawImage(video, 0, 0);
      canvas.toBlob(
        (blob) => {
          const time = new Date().toTimeString().slice(0, 8).replaceAll(":", "");
          const file = new File([blob], `camera-${time}.jpg`, { type: "image/jpeg" });
          zone.dispatchEvent(new CustomEvent("files", { detail: [file] }));
        },
        "image/jpeg",
        0.92,
      );
    }

    open.hidden = false;
    open.addEventListener("click", start);
    zone.querySelector("[data-shoot]").addEventListener("click", shoot);
    zone.querySelector("[data-close]").addEventListener("click", close);
    window.addEventListener("pagehide", close);
  });
})();
