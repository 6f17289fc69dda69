"""Is a living person in front of the camera: challenges over a series of frames, and signs on each frame (PAD).

plans: what is asked of the person. sights: what one frame showed. judging: whether the sights answer the plan.
depth: a head or something flat. signs: what a screen or a print leaves on a picture. light: does the face answer the
colours that the page shows.
"""
