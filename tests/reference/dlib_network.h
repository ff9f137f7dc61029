// dlib's face recognition network (dlib_face_recognition_resnet_model_v1.dat), for the reference and the rivals that run it.
#ifndef LIKEN_REFERENCE_DLIB_NETWORK_H
#define LIKEN_REFERENCE_DLIB_NETWORK_H

#include <dlib/dnn.h>

template <int N, template <typename> class BN, int stride, typename SUBNET>
using block = BN<dlib::con<N, 3, 3, 1, 1, dlib::relu<BN<dlib::con<N, 3, 3, stride, stride, SUBNET>>>>>;
template <int N, typename SUBNET>
using same = dlib::relu<dlib::add_prev1<block<N, dlib::affine, 1, dlib::tag1<SUBNET>>>>;
template <int N, typename SUBNET>
using down = dlib::relu<dlib::add_prev2<
    dlib::avg_pool<2, 2, 2, 2, dlib::skip1<dlib::tag2<block<N, dlib::affine, 2, dlib::tag1<SUBNET>>>>>>>;
template <typename SUBNET> using level1 = same<256, same<256, down<256, SUBNET>>>;
template <typename SUBNET> using level2 = same<128, same<128, down<128, SUBNET>>>;
template <typename SUBNET> using level3 = same<64, same<64, same<64, down<64, SUBNET>>>>;
template <typename SUBNET> using level4 = same<32, same<32, same<32, SUBNET>>>;
using network = dlib::loss_metric<dlib::fc_no_bias<128, dlib::avg_pool_everything<down<256, level1<level2<level3<level4<
    dlib::max_pool<3, 3, 2, 2, dlib::relu<dlib::affine<dlib::con<32, 7, 7, 2, 2, dlib::input_rgb_image_sized<150>>>>>>>>>>>>>;

#endif
