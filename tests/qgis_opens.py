"""QGIS itself opens what `originmap report` hands over: run by QGIS's own Python, see `make soak`.

    python3 tests/qgis_opens.py outputs/report/gis [PICTURE.png]

Fails unless every layer of the project is valid, shows what it should, and has the style that the GeoPackage keeps as its default.
"""

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
try:
    from qgis.core import (
        QgsApplication,
        QgsLayerTree,
        QgsLayerTreeModel,
        QgsLegendRenderer,
        QgsLegendSettings,
        QgsMapRendererParallelJob,
        QgsMapSettings,
        QgsProject,
        QgsRectangle,
        QgsRenderContext,
        QgsVectorLayer,
    )
    from qgis.PyQt.QtCore import QSize, Qt
    from qgis.PyQt.QtGui import QImage, QPainter
except ImportError:
    print("QGIS is not installed here: not tried.")
    sys.exit(0)


def draw(layers, crs, sides, picture):
    """The map, and its legend at the right."""
    settings = QgsMapSettings()
    settings.setLayers(layers)
    settings.setDestinationCrs(crs)
    settings.setExtent(QgsRectangle(*sides))
    settings.setOutputSize(QSize(1400, 1100))
    settings.setOutputDpi(130)
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    image = QImage(QSize(1800, 1100), QImage.Format_RGB32)
    image.fill(Qt.white)
    painter = QPainter(image)
    painter.drawImage(0, 0, job.renderedImage())
    root = QgsLayerTree()
    for layer in layers:
        root.addLayer(layer)
    model = QgsLayerTreeModel(root)
    painter.translate(1420, 20)
    context = QgsRenderContext.fromMapSettings(settings)
    context.setPainter(painter)
    legend = QgsLegendRenderer(model, QgsLegendSettings())
    legend.minimumSize(context)
    painter.scale(context.scaleFactor(), context.scaleFactor())
    legend.drawLegend(context)
    painter.end()
    image.save(picture)


def main(folder, picture=None):
    QgsApplication.initQgis()
    wrong = []
    with tempfile.TemporaryDirectory() as scratch:
        # A copy: whoever opens a GeoPackage writes into it.
        for path in Path(folder).glob("*.[gq]*"):
            shutil.copy(path, scratch)
        (file,), (base,) = Path(scratch).glob("*.qgs"), Path(scratch).glob("*.gpkg")
        project = QgsProject.instance()
        if not project.read(str(file)):
            wrong.append(f"{file.name}: cannot be read: {project.error()}")
        print(f"{file.name}: {project.title()}, {project.crs().authid()}")
        nodes = project.layerTreeRoot().findLayers()
        for node in nodes:
            layer = node.layer()
            kind = layer.renderer().type() if layer.isSpatial() and layer.renderer() else "table"
            legend = [item.label() for item in layer.renderer().legendSymbolItems()] if kind != "table" else []
            aliases = sum(bool(field.alias()) for field in layer.fields())
            shown = "on " if node.isVisible() else "off"
            print(
                f"  {shown} {layer.name()}: {layer.featureCount()} rows, {layer.crs().authid() or 'no CRS'}, {kind}, {len(legend)} legend lines, {aliases} aliases"
            )
            wrong += [f"{layer.name()}: {text}" for text in (
                "" if layer.isValid() else "not valid",
                "" if layer.source().startswith(scratch) else f"source is {layer.source()}",
                "" if kind != "singleSymbol" or len(legend) == 1 else "no legend",
                "" if aliases >= layer.fields().count() - 1 else "columns without a Chinese alias",
            ) if text]  # fmt: skip
        for name in dict.fromkeys(
            node.layer().source().split("layername=")[1] for node in nodes if node.layer().isSpatial()
        ):
            alone = QgsVectorLayer(f"{base}|layername={name}", name, "ogr")
            own = alone.renderer().type() if alone.isValid() and alone.renderer() else "none"
            expected = {
                node.layer().renderer().type() for node in nodes if f"layername={name}" in node.layer().source()
            }
            count, _, styles, _, said = alone.listStylesInDatabase()
            print(f"  {name} by itself: {own}, {count} styles kept: {', '.join(styles[:count])} {said}")
            if {own} != expected:
                wrong.append(f"{name}: by itself drawn as {own}, in the project as {expected}")
        if picture:
            text = file.read_text(encoding="utf-8")
            sides = [float(re.search(f"<{name}>(.*?)</{name}>", text)[1]) for name in ("xmin", "ymin", "xmax", "ymax")]
            for name, shown in (
                (picture, None),
                (str(Path(picture).with_stem(f"{Path(picture).stem}-coverage")), "gaps"),
            ):
                layers = [node.layer() for node in nodes if node.layer().isSpatial() and (
                    node.isVisible() if shown is None else f"layername={shown}" in node.layer().source())]  # fmt: skip
                draw(layers if shown is None else layers[-1:], project.crs(), sides, name)
    print("\n".join(wrong) or "QGIS opens project and GeoPackage, all layers styled.")
    return len(wrong) > 0


if __name__ == "__main__":
    app = QgsApplication([], False)
    failed = main(*sys.argv[1:])
    sys.stdout.flush()
    # QGIS taken apart while Python still holds its layers falls over now and then.
    os._exit(failed)
