// One explorable figure: sliders choose a precomputed curve. No library, no network.
(function (box) {
  "use strict";
  var data = JSON.parse(box.querySelector("script[type='application/json']").textContent);
  var digits = data.digits, base = digits.length, n = data.x.length;
  var line = box.querySelector(".nlbook-explore-curve");
  var said = box.querySelector(".nlbook-explore-said");
  var sliders = Array.prototype.slice.call(box.querySelectorAll("input[type=range]"));

  // Heights of frame k, in units of the picture; two digits a number.
  function heights(k) {
    var out = [], at = 2 * n * k;
    for (var i = 0; i < n; i += 1, at += 2) {
      out.push((digits.indexOf(data.curves[at]) * base
        + digits.indexOf(data.curves[at + 1])) * data.unit);
    }
    return out;
  }

  function draw() {
    var k = 0, names = [];
    sliders.forEach(function (slider, axis) {
      var at = Number(slider.value), text = data.texts[axis][at];
      k = k * data.texts[axis].length + at;
      slider.setAttribute("aria-valuetext", text);
      box.querySelector("output[for='" + slider.id + "']").textContent = text;
      names.push(data.labels[axis] + " " + text);
    });
    var y = heights(k);
    line.setAttribute("d", "M" + data.x.map(function (x, i) {
      return x + " " + Math.round(10 * y[i]) / 10;
    }).join("L"));
    said.textContent = names.join(", ") + ". " + data.said[k];
  }

  // On the page it takes the place of its still picture, which stays for paper.
  var figure = document.getElementById(data.name);
  var still = figure && figure.querySelector("img");
  if (still) {
    figure.insertBefore(box, figure.querySelector("figcaption"));
    still.loading = "eager";
    still.classList.add("nlbook-explore-still");
  }
  sliders.forEach(function (slider) { slider.addEventListener("input", draw); });
  box.hidden = false;
  draw();
})(document.currentScript.parentNode);
