// What the kiosk says, in its two languages.
"use strict";

window.kiosk = {};

(() => {
  const WORDS = {
    en: {
      language: "English",
      other: "Tiếng Việt",
      locale: "en-GB",
      morning: "Good morning, {name}!",
      afternoon: "Good afternoon, {name}!",
      evening: "Good evening, {name}!",
      bye: "Goodbye, {name}!",
      in: "Checked in at {time}",
      out: "Checked out at {time}",
      in_before: "You are checked in since {time}",
      out_before: "You are checked out since {time}",
      later: "{name}: {what}, confirmed now",
      unknown: "Not recognised",
      hint_unknown: "You were not recognised. Look straight into the camera, or ask the staff.",
      hint_ambiguous: "You look like somebody else here. Please ask the staff.",
      hint_covered: "Please take off your mask or sunglasses.",
      hint_too_small: "Please come closer.",
      hint_too_blurred: "Please hold still for a moment.",
      hint_too_dark: "It is too dark here. Please turn towards the light.",
      hint_too_bright: "There is too much light. Please turn a little away from it.",
      hint_too_turned: "Please look straight into the camera.",
      hint_not_live: "It could not be seen that you are there in person. Please show your face, not a picture of it.",
      look: "Look here to check in or out",
      look_in: "Look here to check in",
      look_out: "Look here to check out",
      offline: "No connection. What is taken here is kept and sent later.",
      waiting: "{count} kept",
      sending: "Connected again. Sending what was kept: {count} left",
      keep: "Note my attendance",
      kept: "Noted at {time}. It is confirmed when the connection is back.",
      refused: "The server refuses the pictures of this kiosk: {why}",
      pair_title: "Pair this tablet",
      pair_how: "In the admin, open Kiosks and keys and add a kiosk. Then type the code that is shown there, or scan it with this tablet.",
      code: "Pairing code",
      pair: "Pair",
      pairing: "Pairing…",
      pair_again: "This tablet is not paired any more. What it kept will be sent when it is paired again.",
      no_answer: "The server does not answer. Check the connection and try again.",
      no_camera: "The camera is off",
      again: "Try again",
      denied: "The camera is not allowed. Allow it in the settings of the browser.",
      missing: "No camera was found.",
      busy: "The camera cannot be opened. Another app may be using it.",
      insecure: "The camera opens on secure pages only. Open this page with https.",
      starting: "One moment…",
      come: "Come closer to check in or out",
      settings: "Settings",
      said: "Who came and went",
      camera: "Camera",
      sound_on: "Sound: on",
      sound_off: "Sound: off",
      theme_auto: "Colours: as the device",
      theme_dark: "Colours: dark",
      theme_light: "Colours: light",
      full: "Full screen",
      full_store: "This tablet can keep no more. Please tell the staff.",
      other_camera: "Other camera",
      unpair: "Unpair this tablet",
      unpair_sure: "Unpair this tablet? It can be used again after pairing only.",
      close: "Close",
      state: "{name}, {count} pictures waiting to be sent",
    },
    vi: {
      language: "Tiếng Việt",
      other: "English",
      locale: "vi-VN",
      morning: "Chào buổi sáng, {name}!",
      afternoon: "Chào buổi chiều, {name}!",
      evening: "Chào buổi tối, {name}!",
      bye: "Tạm biệt, {name}!",
      in: "Đã vào lúc {time}",
      out: "Đã ra lúc {time}",
      in_before: "Bạn đã vào từ {time}",
      out_before: "Bạn đã ra từ {time}",
      later: "{name}: {what}, vừa được xác nhận",
      unknown: "Chưa nhận ra",
      hint_unknown: "Chưa nhận ra bạn. Hãy nhìn thẳng vào máy ảnh, hoặc hỏi nhân viên.",
      hint_ambiguous: "Bạn trông giống một người khác ở đây. Vui lòng hỏi nhân viên.",
      hint_covered: "Vui lòng bỏ khẩu trang hoặc kính râm.",
      hint_too_small: "Vui lòng lại gần hơn.",
      hint_too_blurred: "Vui lòng đứng yên một chút.",
      hint_too_dark: "Ở đây tối quá. Vui lòng quay về phía có ánh sáng.",
      hint_too_bright: "Sáng quá. Vui lòng quay đi một chút.",
      hint_too_turned: "Vui lòng nhìn thẳng vào máy ảnh.",
      hint_not_live: "Không thấy được là chính bạn đang đứng đây. Vui lòng đưa khuôn mặt thật, không phải ảnh.",
      look: "Nhìn vào đây để vào hoặc ra",
      look_in: "Nhìn vào đây để vào",
      look_out: "Nhìn vào đây để ra",
      offline: "Mất kết nối. Ảnh chụp ở đây được giữ lại và gửi sau.",
      waiting: "đã giữ {count}",
      sending: "Đã có kết nối. Đang gửi ảnh đã giữ: còn {count}",
      keep: "Ghi nhận tôi có mặt",
      kept: "Đã ghi lúc {time}. Sẽ được xác nhận khi có kết nối.",
      refused: "Máy chủ từ chối ảnh của máy này: {why}",
      pair_title: "Ghép nối máy này",
      pair_how: "Trong trang quản trị, mở Kiosks and keys và thêm một kiosk. Sau đó nhập mã hiện ở đó, hoặc quét mã bằng máy này.",
      code: "Mã ghép nối",
      pair: "Ghép nối",
      pairing: "Đang ghép nối…",
      pair_again: "Máy này không còn được ghép nối. Những gì đã giữ sẽ được gửi khi ghép nối lại.",
      no_answer: "Máy chủ không trả lời. Hãy kiểm tra kết nối rồi thử lại.",
      no_camera: "Máy ảnh đang tắt",
      again: "Thử lại",
      denied: "Máy ảnh chưa được phép. Hãy cho phép trong cài đặt của trình duyệt.",
      missing: "Không tìm thấy máy ảnh.",
      busy: "Không mở được máy ảnh. Có thể ứng dụng khác đang dùng.",
      insecure: "Máy ảnh chỉ mở trên trang an toàn. Hãy mở trang này bằng https.",
      starting: "Xin chờ một chút…",
      come: "Lại gần để vào hoặc ra",
      settings: "Cài đặt",
      said: "Ai đã vào và ra",
      camera: "Máy ảnh",
      sound_on: "Âm thanh: bật",
      sound_off: "Âm thanh: tắt",
      theme_auto: "Màu: theo thiết bị",
      theme_dark: "Màu: tối",
      theme_light: "Màu: sáng",
      full: "Toàn màn hình",
      full_store: "Máy này không giữ thêm được nữa. Vui lòng báo nhân viên.",
      other_camera: "Máy ảnh khác",
      unpair: "Bỏ ghép nối máy này",
      unpair_sure: "Bỏ ghép nối máy này? Chỉ dùng lại được sau khi ghép nối.",
      close: "Đóng",
      state: "{name}, còn {count} ảnh chờ gửi",
    },
  };

  let language = localStorage.getItem("kiosk-language");
  if (!(language in WORDS)) language = navigator.language.startsWith("vi") ? "vi" : "en";

  function say(word, values = {}) {
    const text = WORDS[language][word] ?? word;
    return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  }

  // Every text of the page that does not change by itself.
  function write() {
    document.documentElement.lang = language;
    document.querySelectorAll("[data-text]").forEach((node) => (node.textContent = say(node.dataset.text)));
    document.querySelectorAll("[data-label]").forEach((node) => node.setAttribute("aria-label", say(node.dataset.label)));
  }

  function change() {
    language = language === "en" ? "vi" : "en";
    localStorage.setItem("kiosk-language", language);
    write();
  }

  // In the time zone of the site, not of the tablet.
  function time(date, timeZone) {
    return new Intl.DateTimeFormat(WORDS[language].locale, { hour: "2-digit", minute: "2-digit", timeZone }).format(date);
  }

  function hour(date, timeZone) {
    return Number(new Intl.DateTimeFormat("en-GB", { hour: "2-digit", hourCycle: "h23", timeZone }).format(date));
  }

  window.kiosk.words = { say, write, change, time, hour, languages: Object.keys(WORDS), all: WORDS };
})();
