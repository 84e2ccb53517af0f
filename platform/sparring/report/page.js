for (const plot of JSON.parse(document.getElementById("figures").textContent)) {
  // The buttons are listed because Plotly's own list has one that sends the data to its makers' site.
  Plotly.newPlot(plot.id, plot.figure.data, plot.figure.layout, {responsive: true, displaylogo: false,
    modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]]});
}
