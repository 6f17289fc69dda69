// Taking photos with the camera of this computer, as one more way to fill a drop zone.
"use strict";

(() => {
  if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia) return;

  document.querySelectorAll("[data-drop-zone]").forEach((zone) => {
    const open = zone.querySelector("[data-webcam]");
    const panel = zone.querySelector("[data-webcam-panel]");
    const take = zone.querySelector("[data-shoot]");
    const video = zone.querySelector("[data-video]");
    const say = zone.querySelector("[data-say]");
    let stream = null;

    function close() {
      const focused = panel.contains(document.activeElement);
      stream?.getTracks().forEach((track) => track.stop());
      stream = null;
      video.srcObject = null;
      panel.hidden = true;
      open.hidden = false;
      if (focused) open.focus();
    }

    function stopped() {
      close();
      say.textContent = "The camera has stopped. Connect it and take a photo again.";
    }

    async function start() {
      open.hidden = true;
      say.textContent = "Your browser may ask whether this page may use the camera.";
      try {
        stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: { width: { ideal: 1280 } } });
        stream.getVideoTracks()[0].addEventListener("ended", stopped);
        video.srcObject = stream;
        await video.play();
        panel.hidden = false;
        take.focus();
        say.textContent = "";
      } catch (error) {
        close();
        open.focus();
        say.textContent =
          error.name === "NotAllowedError"
            ? "The camera is not allowed. Allow it in the address bar of your browser."
            : "The camera cannot be used; perhaps another program uses it, or there is none.";
      }
    }

    function shoot() {
      if (!video.videoWidth) return hand(null);
      const canvas = document.createElement("canvas");
      canvas.width = video.videoWidth;
      canvas.height = video.videoHeight;
      canvas.getContext("2d").drawImage(video, 0, 0);
      canvas.toBlob(hand, "image/jpeg", 0.92);
    }

    function hand(blob) {
      if (!blob) {
        say.textContent = "The camera gave no picture. Try again.";
        return;
      }
      const time = new Date().toTimeString().slice(0, 8).replaceAll(":", "");
      const file = new File([blob], `camera-${time}.jpg`, { type: "image/jpeg" });
      zone.dispatchEvent(new CustomEvent("files", { detail: [file] }));
    }

    open.hidden = false;
    open.addEventListener("click", start);
    take.addEventListener("click", shoot);
    zone.querySelector("[data-close]").addEventListener("click", close);
    window.addEventListener("pagehide", close);
    document.addEventListener("visibilitychange", () => {
      if (document.hidden && stream) close();
    });
  });
})();
